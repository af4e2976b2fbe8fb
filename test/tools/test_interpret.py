"""dsv2-interpret's traces, random weights and memory."""

import json
import resource
import subprocess

import numpy as np
import pytest

from test.reference import checkpoints, safetensors_io
from test.reference.oracle import Oracle

IDS = "1,5,9,200,33"


@pytest.fixture(scope="module")
def programs(request):
    folder = request.config.getoption("--build-dir") / "bin"
    for name in ("dsv2-interpret", "dsv2-compile"):
        if not (folder / name).exists():
            pytest.skip(f"{folder / name} is not built")
    return folder.resolve()


@pytest.fixture(scope="module")
def stages(programs, tiny_model, tmp_path_factory):
    """Files of the bundled model's stages."""
    folder = tmp_path_factory.mktemp("stages")
    result = {}
    for stage in ("import", "optimized", "planned"):
        result[stage] = folder / f"{stage}.mlir"
        subprocess.run([programs / "dsv2-compile", tiny_model, f"--emit={stage}",
                        "-o", result[stage]], check=True)
    return result


def interpret(programs, *arguments, **options):
    return subprocess.run([programs / "dsv2-interpret", *map(str, arguments)], check=True,
                          capture_output=True, text=True, timeout=300, **options).stdout


def traced(programs, *arguments):
    return [json.loads(line) for line in
            interpret(programs, "--tokens", IDS, "--trace=json", *arguments).splitlines()]


def test_every_value_has_its_statistics(programs, stages, tiny_model, tmp_path):
    out = tmp_path / "logits.safetensors"
    lines = traced(programs, stages["import"], "--checkpoint", tiny_model, "-o", out)
    by_op = {line["op"] for line in lines}
    assert {"dsv2.checkpoint", "dsv2.embed", "dsv2.linear", "dsv2.mla_attention",
            "dsv2.route", "dsv2.expert_mlp"} <= by_op
    # Three layers with experts, each op once in each.
    routes = [line for line in lines if line["op"] == "dsv2.route"]
    assert sorted({line["call"] for line in routes}) == [0, 1, 2]
    assert {line["function"] for line in routes} == {"moe_layer"}
    embedded = next(line for line in lines if line["op"] == "dsv2.embed")
    table = safetensors_io.read(tiny_model / "model.safetensors")["model.embed_tokens.weight"][1]
    rows = np.asarray(table, np.float64)[[int(i) for i in IDS.split(",")]]
    assert embedded["shape"] == list(rows.shape)
    for name, value in [("min", rows.min()), ("max", rows.max()), ("mean", rows.mean()),
                        ("rms", np.sqrt((rows ** 2).mean()))]:
        assert embedded[name] == pytest.approx(value, rel=1e-12)
    assert embedded["nan"] == embedded["inf"] == 0
    # The last lines are the logits that were written, and the choices from them.
    logits = safetensors_io.read(out)["logits"][1]
    given, chosen = lines[-2:]
    assert given["shape"] == list(logits.shape)
    assert given["max"] == pytest.approx(logits.max(), rel=1e-6)
    assert chosen["op"] == "dsv2.argmax" and chosen["shape"] == [len(logits)]
    assert chosen["max"] == logits.argmax(-1).max()


def test_stages_agree_in_the_logits(programs, stages, tiny_model):
    last = {}
    for stage, path in stages.items():
        program = ["--weight-program", stages["optimized"]] if stage == "planned" else []
        lines = traced(programs, path, "--checkpoint", tiny_model, *program)
        last[stage], chosen = lines[-2:]
        assert chosen["shape"] == last[stage]["shape"][:1]
        assert not any(line["nan"] for line in lines if line["op"] == "dsv2.linear")
    for stage in ("optimized", "planned"):
        for name in ("min", "max", "mean", "rms"):
            assert last[stage][name] == pytest.approx(last["import"][name], rel=1e-9)


def test_steps_are_numbered_and_text_is_readable(programs, stages, tiny_model):
    text = interpret(programs, stages["import"], "--checkpoint", tiny_model, "--tokens", IDS,
                     "--chunk", "2", "--trace")
    lines = [line for line in text.splitlines() if "= dsv2.embed " in line]
    assert [line.split()[1] for line in lines] == ["0", "1", "2"]
    assert "@step#0 %1 = dsv2.embed [2x128] bf16  min " in lines[0]
    assert "[1x128]" in lines[2]


def test_random_weights_are_those_of_the_oracle(programs, tmp_path):
    folder = checkpoints.make(tmp_path / "model", "T2", 11, "f32")
    module = tmp_path / "import.mlir"
    subprocess.run([programs / "dsv2-compile", folder, "--weights=random:7", "--dtype=f32",
                    "--emit=import", "-o", module], check=True)
    out = tmp_path / "logits.safetensors"
    interpret(programs, module, "--weights=random:7", "--tokens", IDS, "-o", out)
    config = json.loads((folder / "config.json").read_text())
    oracle = Oracle(folder, "f32", tensors=checkpoints.random_tensors(config, 7))
    expected = oracle.logits([int(i) for i in IDS.split(",")])
    logits = safetensors_io.read(out)["logits"][1]
    assert np.abs(logits - expected).max() < 1e-5 * np.abs(expected).max()


@pytest.mark.parametrize("arguments, words", [
    (["--tokens", "1", "--weights=random:x", "-o", "f"], "expected checkpoint or random[:SEED]"),
    (["--tokens", "1", "-o", "f"], "expected --checkpoint DIR"),
    (["--tokens", "1", "--checkpoint", "."], "expected -o FILE or --trace"),
])
def test_wrong_usage(programs, arguments, words):
    result = subprocess.run([programs / "dsv2-interpret", *arguments], capture_output=True,
                            text=True)
    assert result.returncode == 1
    assert words in result.stderr


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["import", "optimized"])
def test_layers_of_v2_lite_width(programs, tiny_model, tmp_path, stage):
    """A dense layer and one with experts: within the memory that
    docs/Interpreter.md says."""
    module = tmp_path / "layers.mlir"
    config = tiny_model.parent / "configs" / "v2-lite"
    subprocess.run([programs / "dsv2-compile", config, "--weights=random", "--layers=2",
                    f"--emit={stage}", "-o", module], check=True)

    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (12 << 30, 12 << 30))

    text = interpret(programs, module, "--weights=random", "--tokens", "0,5,7",
                     "--trace=json", preexec_fn=limit)
    last = json.loads(text.splitlines()[-1])
    assert last["shape"] == [3, 102400]
    assert last["nan"] == 0 and 0.1 < last["rms"] < 10
