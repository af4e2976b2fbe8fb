"""The released models' sizes: compiled from config.json alone, and run."""

import json
import math
import os
import shutil
import subprocess

import pytest

from test.compiled_model import CompiledModel, ids_text, run
from test.reference import checkpoints, goldens, random_weights
from test.reference.config import from_dict
from test.reference.numerics import to_bf16_bits

# CPU seconds. A quiet Zen 4 takes 2.3; what shares its cores and caches with
# other programs has taken four times as long.
ASSEMBLY_SECONDS = 30
ASSEMBLY_BYTES = 1 << 30
FLAT = 1.5  # most that 60 layers may take over 6; in proportion it were 10


def configuration(folder, name):
    folder.mkdir(exist_ok=True)
    checkpoints.write_config(folder, checkpoints.config_of(name))
    return folder


def usage(*command):
    """(CPU seconds, peak bytes) of a run that must succeed. CPU time, because
    others may use the machine."""
    process = subprocess.Popen([str(c) for c in command])
    _, status, used = os.wait4(process.pid, 0)
    assert status == 0
    return used.ru_utime + used.ru_stime, used.ru_maxrss * 1024


@pytest.fixture
def big_folder(tmp_path):
    """As tmp_path, but pytest keeps nothing of it."""
    yield tmp_path
    shutil.rmtree(tmp_path)


def need_memory(gigabytes):
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if free < gigabytes << 30:
        pytest.skip(f"needs {gigabytes} GiB of free memory")


def write_repeating_checkpoint(folder, raw):
    """A bf16 checkpoint of any size in seconds: one block of random numbers,
    over and over. Returns the bytes of its largest tensor."""
    folder.mkdir()
    checkpoints.write_config(folder, raw)
    block = to_bf16_bits(random_weights.tensor(1, "block", (512, 2048)))
    block = block.tobytes()
    header, offset = {}, 0
    for name, shape in checkpoints.shapes(from_dict(raw)).items():
        size = 2 * math.prod(shape)
        header[name] = {"dtype": "BF16", "shape": shape,
                        "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    with open(folder / "model.safetensors", "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for entry in header.values():
            begin, end = entry["data_offsets"]
            for at in range(begin, end, len(block)):
                file.write(block[:end - at])
    return max(2 * math.prod(entry["shape"]) for entry in header.values())


def test_v2_to_assembly(compile_program, tmp_path):
    model = configuration(tmp_path / "v2", "v2")
    measured = {6: [], 60: []}
    for _ in range(6):  # in turns: a neighbour's load meets both
        for layers, runs in measured.items():
            runs.append(usage(compile_program, model, "--weights=random",
                              "--emit=asm", "--target=native",
                              f"--layers={layers}", "-o", tmp_path / "out.s"))
    seconds = {n: min(s for s, _ in runs) for n, runs in measured.items()}
    assert seconds[60] <= ASSEMBLY_SECONDS
    assert max(peak for _, peak in measured[60]) <= ASSEMBLY_BYTES
    assert seconds[60] <= FLAT * seconds[6], seconds


@pytest.mark.parametrize("name", sorted(set(checkpoints.WIDE)))
def test_bundles_of_released_configurations(compile_program, tmp_path, name):
    """All layers; the weights are drawn when the file runs, so it is small."""
    model = configuration(tmp_path / name, name)
    out = tmp_path / "out"
    run(compile_program, model, "-o", out, "--weights=random", "--name", name,
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
    need_memory(9)
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


@pytest.mark.slow
@pytest.mark.parametrize("weights", ["embed", "external"])
def test_packing_takes_the_memory_of_the_largest_tensor(compile_program,
                                                        big_folder, weights):
    """Two layers of V2-Lite: 2.3 GB in 200 tensors."""
    raw = checkpoints.config_of("v2-lite") | {"num_hidden_layers": 2}
    largest = write_repeating_checkpoint(big_folder / "model", raw)
    out = big_folder / "lite"
    _, peak = usage(compile_program, big_folder / "model", "-o", out,
                    f"--weights={weights}", "--target=native", "-j", 2)
    assert peak <= 2.5 * largest, peak / largest
    compiled = CompiledModel(out, None)
    assert compiled.run("verify") == "ok\n"
    got = compiled.generate("--tokens", "1,2,3", "-n", 4)
    assert len(got["tokens"]) == 4
