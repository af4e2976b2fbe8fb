"""Options and fixtures of the Python tests."""

import shutil
import tempfile
from pathlib import Path

import pytest

from test.compiled_model import Compiler

ROOT = Path(__file__).parents[1]
# Folder of what tests compile, one for all processes of a run.
SHARED = pytest.StashKey[str]()
# Options that let tests run which a usual run leaves out: what they are for.
OPT_IN = {"reference": "needs torch, transformers and lm_eval",
          "slow": "takes minutes and gigabytes"}


def pytest_addoption(parser):
    for name, reason in OPT_IN.items():
        parser.addoption(f"--{name}", action="store_true",
                         help=f"also run what {reason}")
    parser.addoption("--build-dir", type=Path, default=ROOT / "build",
                     help="build folder that holds bin/dsv2-compile")


def pytest_configure(config):
    for name, reason in OPT_IN.items():
        config.addinivalue_line("markers", f"{name}: {reason} (--{name})")
    # A worker of pytest-xdist is told by the process that started it.
    worker = getattr(config, "workerinput", None)
    config.stash[SHARED] = (worker["dsv2_shared"] if worker
                            else tempfile.mkdtemp(prefix="dsv2-tests-"))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    node.workerinput["dsv2_shared"] = node.config.stash[SHARED]


def pytest_unconfigure(config):
    if not hasattr(config, "workerinput"):
        shutil.rmtree(config.stash[SHARED], ignore_errors=True)


def pytest_collection_modifyitems(config, items):
    for name, reason in OPT_IN.items():
        if config.getoption(f"--{name}"):
            continue
        skip = pytest.mark.skip(reason=f"{reason} (--{name})")
        for item in items:
            if item.get_closest_marker(name):
                item.add_marker(skip)


@pytest.fixture(scope="session")
def compile_program(request):
    """Path of dsv2-compile."""
    program = request.config.getoption("--build-dir") / "bin" / "dsv2-compile"
    if not program.exists():
        pytest.skip(f"{program} is not built")
    return program.resolve()


@pytest.fixture(scope="session")
def compiled(compile_program, request):
    """The compiler; `compiled.vector("T2", seed, dtype, *options)`."""
    return Compiler(compile_program, request.config.stash[SHARED])


@pytest.fixture(scope="session")
def tiny_model():
    """Directory of the bundled model."""
    return ROOT / "test" / "models" / "tiny"


@pytest.fixture(scope="session")
def tiny(compiled, tiny_model):
    """The bundled model, compiled for this machine."""
    return compiled.folder_of(tiny_model, "--target=native")
