"""The released models' sizes: compiled from config.json alone, and run."""

import json
import os
import subprocess

import pytest

from test.compiled_model import CompiledModel, ids_text, run
from test.reference import checkpoints, goldens

ASSEMBLY_SECONDS = 10
ASSEMBLY_BYTES = 1 << 30
FLAT = 1.2  # most that 60 layers may take over 6


def configuration(folder, name):
    folder.mkdir(exist_ok=True)
    checkpoints.write_config(folder, checkpoints.config_of(name))
    return folder


def usage_of_assembly(program, model, layers, out):
    """(CPU seconds, peak bytes) of one compilation. CPU time, because others
    may use the machine."""
    process = subprocess.Popen(
        [program, model, "--weights=random", "--emit=asm", "--target=native",
         f"--layers={layers}", "-o", out])
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0 and out.stat().st_size > 10000
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def test_v2_to_assembly(compile_program, tmp_path):
    model = configuration(tmp_path / "v2", "v2")
    measured = {layers: [usage_of_assembly(compile_program, model, layers,
                                           tmp_path / "out.s")
                         for _ in range(4)] for layers in (6, 60)}
    seconds = {n: min(s for s, _ in runs) for n, runs in measured.items()}
    assert seconds[60] <= ASSEMBLY_SECONDS
    assert max(peak for _, peak in measured[60]) <= ASSEMBLY_BYTES
    assert seconds[60] <= FLAT * seconds[6], seconds


@pytest.mark.parametrize("name", sorted(set(checkpoints.WIDE)))
def test_bundles_of_released_configurations(compile_program, tmp_path, name):
    """All layers; the weights are drawn when the file runs, so it is small."""
    model = configuration(tmp_path / name, name)
    out = tmp_path / "out"
    run(compile_program, model, "-o", out, "--weights=random",
        "--target=native")
    assert out.stat().st_size < 32 << 20
    raw = json.loads((model / "config.json").read_text())
    info = CompiledModel(out, model).json("info")
    assert info["model"] == name and info["dtype"] == "bf16"
    assert info["dimensions"]["num_hidden_layers"] == raw["num_hidden_layers"]
    assert info["memory"]["cache_per_token"] == \
        raw["num_hidden_layers"] * (512 + 64) * 2
    parameters = {"v2": 235.7e9, "v2-lite": 15.7e9}
    if name in parameters:
        assert info["memory"]["weights"] == \
            pytest.approx(2 * parameters[name], rel=0.01)


@pytest.mark.slow
def test_v2_lite_generates(compile_program, tmp_path):
    """Six layers of V2-Lite: 6.6 GB of weights, drawn when it starts."""
    need = 9 << 30
    available = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if available < need:
        pytest.skip(f"needs {need >> 30} GiB of free memory")
    model = configuration(tmp_path / "v2-lite", "v2-lite")
    out = tmp_path / "lite"
    run(compile_program, model, "-o", out, "--weights=random:1", "--layers=6",
        "--target=native")
    compiled = CompiledModel(out, model)
    ids = goldens.token_ids("v2-lite", 130)
    got = compiled.generate("--tokens", ids_text(ids), "-n", 16,
                            "--temperature", 0)
    assert got["prompt_tokens"] == 130 and len(got["tokens"]) == 16
    # A prompt in one step and decoding give what one longer prompt gives.
    best = compiled.logits(ids + got["tokens"]).argmax(-1)[129:-1].tolist()
    assert sum(a == b for a, b in zip(best, got["tokens"])) >= 15
