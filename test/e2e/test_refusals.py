"""Wrong inputs: one line that names the file and the field, and no output."""

import json
import subprocess

import pytest

from test.reference import checkpoints, safetensors_io

# Changes of a good configuration that would change the result unnoticed, with
# the words the message must contain.
CONFIGURATIONS = {
    "sigmoid": ({"scoring_func": "sigmoid"}, ["scoring_func", "sigmoid"]),
    "biased routing": ({"topk_method": "noaux_tc"},
                       ["topk_method", "noaux_tc"]),
    "activation": ({"hidden_act": "gelu"}, ["hidden_act", "gelu"]),
    "rope type": ({"rope_scaling": {"type": "linear", "factor": 4}},
                  ["rope", "linear"]),
    "groups": ({"n_group": 3}, ["n_group"]),
    "too many experts": ({"num_experts_per_tok": 17}, ["num_experts_per_tok"]),
    "odd rope": ({"qk_rope_head_dim": 7}, ["qk_rope_head_dim"]),
    "no width": ({"hidden_size": None}, ["hidden_size"]),
    "negative": ({"num_hidden_layers": -1}, ["num_hidden_layers"]),
    "text": ({"vocab_size": "many"}, ["vocab_size"]),
    "model type": ({"model_type": "llama"}, ["model_type", "llama"]),
}


def refusal(program, model, out):
    """stderr of a compilation that must fail cleanly."""
    result = subprocess.run([program, model, "-o", out, "--target=native"],
                            capture_output=True, text=True, timeout=120)
    assert result.returncode == 1, result.stderr
    assert not out.exists()
    lines = result.stderr.strip().splitlines()
    assert lines and len(lines) == 1, result.stderr
    return lines[0]


@pytest.mark.parametrize("case", CONFIGURATIONS)
def test_configuration(compile_program, tmp_path, case):
    changes, words = CONFIGURATIONS[case]
    folder = checkpoints.make(tmp_path / "model", "T2", 1, "f32")
    raw = json.loads((folder / "config.json").read_text()) | changes
    checkpoints.write_config(folder, raw)
    message = refusal(compile_program, folder, tmp_path / "out")
    for word in ["config.json", *words]:
        assert word in message


def test_missing_tensor(compile_program, tmp_path):
    folder = checkpoints.make(tmp_path / "model", "T2", 1, "f32")
    file = folder / "model.safetensors"
    tensors = {n: v for n, (_, v) in safetensors_io.read(file).items()}
    name = "model.layers.1.mlp.experts.7.up_proj.weight"
    del tensors[name]
    safetensors_io.write(file, tensors)
    assert name in refusal(compile_program, folder, tmp_path / "out")


def test_wrong_shape(compile_program, tmp_path):
    folder = checkpoints.make(tmp_path / "model", "T2", 1, "f32")
    file = folder / "model.safetensors"
    tensors = {n: v for n, (_, v) in safetensors_io.read(file).items()}
    name = "model.layers.2.self_attn.kv_b_proj.weight"
    tensors[name] = tensors[name][:-1]
    safetensors_io.write(file, tensors)
    assert name in refusal(compile_program, folder, tmp_path / "out")


def test_truncated_file(compile_program, tmp_path):
    folder = checkpoints.make(tmp_path / "model", "T1", 1, "f32")
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    message = refusal(compile_program, folder, tmp_path / "out")
    assert "model.safetensors" in message


def test_missing_shard(compile_program, tmp_path):
    folder = checkpoints.make(tmp_path / "model", "T1", 1, "f32", shards=2)
    shard = "model-00002-of-000002.safetensors"
    (folder / shard).unlink()
    assert shard in refusal(compile_program, folder, tmp_path / "out")


def test_no_configuration(compile_program, tmp_path):
    assert "config.json" in refusal(compile_program, tmp_path,
                                    tmp_path / "out")
