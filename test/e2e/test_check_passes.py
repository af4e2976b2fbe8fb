"""Passes compute what they found, by execution between them, on every vector
of specification section 8 and for full-size models on their twins; and every
way to optimize computes the same."""

import subprocess

import numpy as np
import pytest

from test.compiled_model import TIMEOUT, run
from test.e2e.bars import ids_of
from test.e2e.errors import ORDER_BAR, relative
from test.reference import checkpoints

SHARDS = 4


def config_folder(folder, vector, dtype="bf16"):
    """A directory with nothing but config.json."""
    folder = folder / vector
    folder.mkdir()
    checkpoints.write_config(folder, checkpoints.config_of(vector, dtype))
    return folder


def check_passes(compile_program, folder, *options):
    """What the compiler says on stderr."""
    result = subprocess.run(
        [compile_program, folder, "--weights=random", "--emit=optimized",
         "--check-passes", "-o", "/dev/null", *options],
        capture_output=True, text=True, timeout=TIMEOUT)
    assert result.returncode == 0, result.stderr
    return result.stderr


@pytest.fixture(scope="session")
def optimizations(compile_program):
    """Names of all optimizations, as the compiler lists them."""
    return run(compile_program, "--list-optimizations").split()


@pytest.mark.parametrize("vector", checkpoints.VECTORS)
def test_vectors(compile_program, tmp_path, vector):
    said = check_passes(compile_program, config_folder(tmp_path, vector))
    assert "on the model itself" in said


@pytest.mark.parametrize("model", ["v2", "v2-lite", "v2.5"])
def test_full_size(compile_program, tmp_path, model):
    said = check_passes(compile_program, config_folder(tmp_path, model))
    assert "on a twin of small widths" in said


@pytest.mark.parametrize("shard", range(SHARDS))
def test_all_variants(request, tmp_path, shard):
    """Each optimization left out and alone, each form of attention."""
    program = (request.config.getoption("--build-dir") / "bin" /
               "dsv2-test-variants")
    if not program.exists():
        pytest.skip(f"{program} is not built")
    vectors = list(checkpoints.VECTORS)[shard::SHARDS]
    folders = [config_folder(tmp_path, v, ("bf16", "f32")[i % 2])
               for i, v in enumerate(vectors)]
    said = run(program.resolve(), *folders)
    assert said.count("variants agree") == len(vectors)


@pytest.mark.parametrize("vector", ["T2"])
def test_compiled_without(compiled, optimizations, vector):
    """Compiled code with one optimization left out, and with none."""
    ids = ids_of(vector, 1, 70)
    usual = compiled.vector(vector, 1, "f32")
    want = usual.logits(ids, 64)
    for disabled in [*optimizations, ",".join(optimizations)]:
        if not disabled:
            continue
        model = compiled.vector(vector, 1, "f32", f"--disable={disabled}")
        for chunk in (64, 7):
            error = relative(model.logits(ids, chunk), want)
            assert np.max(error) <= ORDER_BAR, f"without {disabled}"
