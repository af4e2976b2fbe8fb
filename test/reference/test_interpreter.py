"""The reference interpreter against the NumPy oracle, on every vector of
specification section 8: two independent readings of one text."""

import subprocess

import numpy as np
import pytest

from test.reference import checkpoints, rope, safetensors_io
from test.reference.oracle import Oracle

TIMEOUT = 300  # seconds


@pytest.fixture(scope="module")
def interpret(request):
    program = request.config.getoption("--build-dir") / "bin" / "dsv2-interpret"
    if not program.exists():
        pytest.skip(f"{program} is not built")
    program = program.resolve()

    def run(folder, ids, *options):
        """Logits [tokens, vocab]."""
        out = folder / "interpreted.safetensors"
        subprocess.run([program, "--checkpoint", folder, "--tokens",
                        ",".join(map(str, ids)), "-o", out, *options],
                       check=True, timeout=TIMEOUT)
        return safetensors_io.read(out)["logits"][1]

    return run


def ids_of(seed, length, vocab=256):
    return np.random.default_rng(seed).integers(0, vocab, length).tolist()


def error(value, expected):
    """Of each token: largest difference over largest logit."""
    return (np.abs(value - expected).max(-1) / np.abs(expected).max(-1)).max()


def f64_error(value, expected):
    """The same beyond the half ulp that the file's f32 takes away."""
    half_ulp = np.spacing(np.abs(value)).astype(np.float64) / 2
    beyond = np.maximum(np.abs(value - expected) - half_ulp, 0)
    return (beyond.max(-1) / np.abs(expected).max(-1)).max()


@pytest.fixture
def f32_constants(monkeypatch):
    """The two scales as the IR's attributes hold them."""
    for name in ("softmax_scale", "cos_sin_multiplier"):
        exact = getattr(rope, name)
        monkeypatch.setattr(rope, name,
                            lambda c, exact=exact: float(np.float32(exact(c))))


@pytest.mark.parametrize("vector", checkpoints.VECTORS)
def test_f64(interpret, f32_constants, tmp_path, vector):
    folder = checkpoints.make(tmp_path, vector, seed=3, dtype="f32")
    ids = ids_of(4, 21)
    expected = Oracle(folder).logits(ids)
    assert f64_error(interpret(folder, ids), expected) < 1e-9


def test_bf16_weights_and_steps(interpret, f32_constants, tmp_path):
    folder = checkpoints.make(tmp_path, "T2", seed=5, dtype="bf16")
    ids = ids_of(6, 70)  # the cache's second page too
    expected = Oracle(folder).logits(ids)
    for chunk in (1, 13, 70):
        assert f64_error(interpret(folder, ids, "--chunk", str(chunk)),
                         expected) < 1e-9


@pytest.mark.parametrize("vector", ["T1", "T2"])
def test_model_precision_f32(interpret, tmp_path, vector):
    folder = checkpoints.make(tmp_path, vector, seed=7, dtype="f32")
    ids = ids_of(8, 16)
    expected = Oracle(folder).logits(ids)
    assert error(interpret(folder, ids, "--precision", "model"),
                 expected) < 1e-5


def test_model_precision_bf16(interpret, tmp_path):
    """As far from f64 as the released code's rounding, give or take: the two
    round rotary products and logits at different points."""
    ours, theirs = [], []
    for seed in range(4):
        folder = checkpoints.make(tmp_path / str(seed), "T1", seed,
                                  dtype="bf16")
        ids = ids_of(seed, 24)
        oracle = Oracle(folder)
        exact, model = oracle.logits(ids), oracle.logits(ids, "model")
        rounded = interpret(folder, ids, "--precision", "model")
        for list_, value in ((ours, rounded), (theirs, model)):
            list_ += (np.abs(value - exact).max(-1)
                      / np.abs(exact).max(-1)).tolist()
    assert np.median(ours) < 1.5 * np.median(theirs)
    assert np.median(ours) > np.median(theirs) / 2  # it does round


@pytest.mark.parametrize("options, message", [
    (["--chunk", "100000"], "--chunk: expected 1 to 512"),
    (["--tokens", "256"], "id 256 is not one of 256"),
    (["nowhere.mlir"], "nowhere.mlir")])
def test_errors(request, interpret, tmp_path, options, message):
    folder = checkpoints.make(tmp_path, "T1", seed=1, dtype="bf16")
    program = request.config.getoption("--build-dir") / "bin" / "dsv2-interpret"
    if "--tokens" not in options:
        options = [*options, "--tokens", "1"]
    result = subprocess.run([program.resolve(), "--checkpoint", folder, *options,
                             "-o", tmp_path / "out"], capture_output=True,
                            text=True, timeout=TIMEOUT)
    assert result.returncode == 1
    assert message in result.stderr
    assert not (tmp_path / "out").exists()
