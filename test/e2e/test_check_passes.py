"""Passes compute what they found, by execution between them, on every vector
of specification section 8 and for full-size models on their twins; and every
way to optimize computes the same."""

import subprocess

import numpy as np
import pytest

from test.compiled_model import TIMEOUT, run
from test.e2e.bars import ids_of
from test.e2e.errors import F32_BAR, relative, sure_tokens
from test.reference import checkpoints
from test.reference.oracle import Oracle

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


def ways(optimizations):
    """Options of every way to compile: each optimization left out, all of them,
    and what is decided forced either way."""
    yield from (f"--disable={name}" for name in optimizations)
    yield "--disable=" + ",".join(optimizations)
    for form in ("split", "expanded", "factored", "merged"):
        yield f"--attention={form}"
    for part in ("query", "output"):
        yield f"--attention=factored --attention-{part}=merged"
    for tokens in (0, 8, 100000):
        yield f"--unsorted-tokens={tokens}"


@pytest.mark.parametrize("vector", checkpoints.VECTORS)
def test_compiled_each_way(request, compiled, optimizations, vector):
    """Compiled code passes the vector however it was optimized (as usual:
    test_logits). Without --slow each vector takes a quarter of the ways, another
    one than its neighbours, so that every way meets several vectors."""
    chosen = list(ways(optimizations))
    if not request.config.getoption("--slow"):
        chosen = chosen[list(checkpoints.VECTORS).index(vector) % 4::4]
    ids = ids_of(vector, 1, 70)
    oracle = Oracle(compiled.checkpoint(vector, 1, "f32"))
    trace = []
    want = oracle.logits(ids, trace=trace)
    sure = sure_tokens(trace)
    for way in chosen:
        model = compiled.vector(vector, 1, "f32", *way.split())
        for chunk in (64, 7, 1):
            error = relative(model.logits(ids, chunk), want)[sure]
            assert error.size and np.max(error) <= F32_BAR, way
