"""Options and fixtures of the Python tests."""

from pathlib import Path

import pytest

from test.compiled_model import Compiler

ROOT = Path(__file__).parents[1]


def pytest_addoption(parser):
    parser.addoption("--reference", action="store_true",
                     help="also compute with torch and transformers")
    parser.addoption("--build-dir", type=Path, default=ROOT / "build",
                     help="build folder that holds bin/dsv2-compile")


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "reference: needs torch and transformers (--reference)")


def pytest_collection_modifyitems(config, items):
    if config.getoption("--reference"):
        return
    skip = pytest.mark.skip(reason="needs --reference (torch, transformers)")
    for item in items:
        if item.get_closest_marker("reference"):
            item.add_marker(skip)


@pytest.fixture(scope="session")
def compile_program(request):
    """Path of dsv2-compile."""
    program = request.config.getoption("--build-dir") / "bin" / "dsv2-compile"
    if not program.exists():
        pytest.skip(f"{program} is not built")
    return program.resolve()


@pytest.fixture(scope="session")
def compiled(compile_program, tmp_path_factory):
    """The compiler; `compiled.vector("T2", seed, dtype, *options)`."""
    return Compiler(compile_program, tmp_path_factory.mktemp("compiled"))


@pytest.fixture(scope="session")
def tiny_model():
    """Directory of the bundled model."""
    return ROOT / "test" / "models" / "tiny"


@pytest.fixture(scope="session")
def tiny(compiled, tiny_model):
    """The bundled model, compiled for this machine."""
    return compiled.folder_of(tiny_model, "--target=native")
