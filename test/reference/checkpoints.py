"""Seeded maker of tiny checkpoints for the vectors of specification section 8.

    python -m test.reference.checkpoints OUT --vector T2 --seed 1 --dtype bf16

Configurations differ from a common base as the table there says; a letter
after the number tells variants of one vector apart. Weights are random and
none is picked by hand. The wide configurations (`v2`, `v2-lite`, ...) have the
released models' fields and are written without weights.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from test.reference import random_weights, safetensors_io
from test.reference.config import from_dict

COMMON = {
    "architectures": ["DeepseekV2ForCausalLM"], "model_type": "deepseek_v2",
    "scoring_func": "softmax", "norm_topk_prob": False,
    "first_k_dense_replace": 1, "moe_layer_freq": 1, "rope_theta": 10000,
    "rms_norm_eps": 1e-06, "hidden_act": "silu", "attention_bias": False,
    "attention_dropout": 0.0, "tie_word_embeddings": False,
    "use_cache": True, "pretraining_tp": 1, "aux_loss_alpha": 0.001,
    "seq_aux": True, "ep_size": 1, "initializer_range": 0.02}

BASE = COMMON | {
    "hidden_size": 64, "num_hidden_layers": 3, "num_attention_heads": 4,
    "num_key_value_heads": 4, "q_lora_rank": None, "kv_lora_rank": 32,
    "qk_nope_head_dim": 16, "qk_rope_head_dim": 8, "v_head_dim": 16,
    "intermediate_size": 96, "moe_intermediate_size": 32,
    "n_routed_experts": 8, "n_shared_experts": 2, "num_experts_per_tok": 2,
    "topk_method": "greedy", "n_group": 1, "topk_group": 1,
    "routed_scaling_factor": 1.0, "vocab_size": 256, "rope_scaling": None,
    "max_position_embeddings": 4096, "bos_token_id": 0, "eos_token_id": 1}


def yarn(**changes):
    """A `rope_scaling` as released; lengths follow the factor."""
    return {"type": "yarn", "factor": 40,
            "original_max_position_embeddings": 4096, "beta_fast": 32,
            "beta_slow": 1, "mscale": 0.707, "mscale_all_dim": 0.707} | changes


GROUPED = {
    "q_lora_rank": 48, "n_routed_experts": 16, "n_group": 4, "topk_group": 2,
    "num_experts_per_tok": 3, "topk_method": "group_limited_greedy",
    "routed_scaling_factor": 16.0, "rope_scaling": yarn(),
    "max_position_embeddings": 163840}

# Differences from BASE. T13 and T14 are ways to run T2 and T1, T17 is text.
VECTORS = {
    "T1": {},
    "T1k": {"num_experts_per_tok": 8},
    "T1h": {"num_attention_heads": 1, "num_key_value_heads": 1},
    "T2": GROUPED,
    "T3": GROUPED | {"rope_scaling": yarn(mscale=1.0)},
    "T4": GROUPED | {"rope_scaling": yarn(mscale_all_dim=0)},
    "T4b": GROUPED | {"rope_scaling": yarn(factor=1),
                      "max_position_embeddings": 4096},
    "T5": GROUPED | {"qk_rope_head_dim": 64},
    "T6": GROUPED | {
        "rope_scaling": yarn(original_max_position_embeddings=6),
        "max_position_embeddings": 240},
    "T6b": GROUPED | {
        "qk_rope_head_dim": 16,
        "rope_scaling": yarn(original_max_position_embeddings=64),
        "max_position_embeddings": 2560},
    "T7": {"v_head_dim": 24, "hidden_size": 72},
    "T8": {"intermediate_size": 86, "moe_intermediate_size": 44},
    "T9": GROUPED | {"rms_norm_eps": 1e-3},
    "T10": {"norm_topk_prob": True, "routed_scaling_factor": 2.5},
    "T11": {"moe_layer_freq": 2, "num_hidden_layers": 4},
    "T11b": {"first_k_dense_replace": 0},
    "T11c": {"first_k_dense_replace": 3},
    "T11d": {"n_shared_experts": None},
    "T11e": {"n_routed_experts": None},
    "T12": GROUPED,
    "T12b": {"num_experts_per_tok": 1},
    "T12c": GROUPED | {"topk_group": 1},
    "T13": GROUPED,
    "T14": {},
    "T15": {"kv_lora_rank": 8},
    "T16": GROUPED | {"attention_bias": True},
    "T16b": {"tie_word_embeddings": True},
    "T16c": GROUPED,
    "T16d": {},
}

_V2 = COMMON | {
    "hidden_size": 5120, "num_hidden_layers": 60, "num_attention_heads": 128,
    "num_key_value_heads": 128, "q_lora_rank": 1536, "kv_lora_rank": 512,
    "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128,
    "intermediate_size": 12288, "moe_intermediate_size": 1536,
    "n_routed_experts": 160, "n_shared_experts": 2, "num_experts_per_tok": 6,
    "topk_method": "group_limited_greedy", "n_group": 8, "topk_group": 3,
    "routed_scaling_factor": 16.0, "vocab_size": 102400,
    "rope_scaling": yarn(), "max_position_embeddings": 163840,
    "bos_token_id": 100000, "eos_token_id": 100001}
_LITE = _V2 | {
    "hidden_size": 2048, "num_hidden_layers": 27, "num_attention_heads": 16,
    "num_key_value_heads": 16, "q_lora_rank": None,
    "intermediate_size": 10944, "moe_intermediate_size": 1408,
    "n_routed_experts": 64, "topk_method": "greedy", "n_group": 1,
    "topk_group": 1, "routed_scaling_factor": 1.0}
WIDE = {"v2": _V2, "v2-lite": _LITE, "coder-v2-lite": _LITE,
        "v2.5": _V2 | {"rope_scaling": yarn(mscale=1.0, mscale_all_dim=1.0)},
        "coder-v2": _V2 | {"rope_scaling": yarn(mscale=1.0,
                                                mscale_all_dim=1.0)}}
WIDE["lite-width"] = WIDE["v2-lite"]

DTYPES = {"bf16": ("BF16", "bfloat16"), "f16": ("F16", "float16"),
          "f32": ("F32", "float32")}


def v5_form(config):
    """The same configuration with the keys that transformers 5 writes."""
    config = dict(config)
    theta, scaling = config.pop("rope_theta"), config.pop("rope_scaling")
    parameters = {"rope_theta": float(theta), "rope_type": "default"}
    if scaling:
        parameters |= scaling | {"rope_type": "yarn"}
        del parameters["type"]
    config["dtype"] = config.pop("torch_dtype")
    return config | {"rope_parameters": parameters,
                     "head_dim": config["qk_rope_head_dim"]}


def shapes(c):
    """{tensor name: shape} of a checkpoint of configuration `c`."""
    d, h = c.hidden_size, c.num_attention_heads
    found = {"model.embed_tokens.weight": (c.vocab_size, d),
             "model.norm.weight": (d,)}
    if not c.tie_word_embeddings:
        found["lm_head.weight"] = (c.vocab_size, d)

    def swiglu(prefix, inner):
        found[prefix + "gate_proj.weight"] = (inner, d)
        found[prefix + "up_proj.weight"] = (inner, d)
        found[prefix + "down_proj.weight"] = (d, inner)

    for i in range(c.num_hidden_layers):
        layer = f"model.layers.{i}."
        found[layer + "input_layernorm.weight"] = (d,)
        found[layer + "post_attention_layernorm.weight"] = (d,)
        attention = layer + "self_attn."
        biased = {"kv_a_proj_with_mqa": c.kv_lora_rank + c.qk_rope_head_dim,
                  "o_proj": d}
        if c.q_lora_rank is None:
            found[attention + "q_proj.weight"] = (h * c.qk_head_dim, d)
        else:
            biased["q_a_proj"] = c.q_lora_rank
            found[attention + "q_a_proj.weight"] = (c.q_lora_rank, d)
            found[attention + "q_a_layernorm.weight"] = (c.q_lora_rank,)
            found[attention + "q_b_proj.weight"] = (h * c.qk_head_dim,
                                                    c.q_lora_rank)
        found[attention + "kv_a_proj_with_mqa.weight"] = (
            biased["kv_a_proj_with_mqa"], d)
        found[attention + "kv_a_layernorm.weight"] = (c.kv_lora_rank,)
        found[attention + "kv_b_proj.weight"] = (
            h * (c.qk_nope_head_dim + c.v_head_dim), c.kv_lora_rank)
        found[attention + "o_proj.weight"] = (d, h * c.v_head_dim)
        if c.attention_bias:
            for name, width in biased.items():
                found[f"{attention}{name}.bias"] = (width,)
        if not c.is_moe(i):
            swiglu(layer + "mlp.", c.intermediate_size)
            continue
        found[layer + "mlp.gate.weight"] = (c.n_routed_experts, d)
        for j in range(c.n_routed_experts):
            swiglu(f"{layer}mlp.experts.{j}.", c.moe_intermediate_size)
        if c.n_shared_experts:
            swiglu(layer + "mlp.shared_experts.",
                   c.moe_intermediate_size * c.n_shared_experts)
    return found


def weights(c, vector, seed):
    """{name: f32 array}. Activations stay of order one: embeddings have unit
    deviation and routed experts give back what their scale adds. Router rows
    are twice the usual size, so that scores spread."""
    tensors = {}
    for name, shape in shapes(c).items():
        value = random_weights.tensor(seed, name, shape)
        if name.endswith("embed_tokens.weight"):
            value = value * np.float32(np.sqrt(c.hidden_size))
        elif name.endswith("mlp.gate.weight"):
            value = value * np.float32(2)
        elif ".experts." in name and name.endswith("down_proj.weight"):
            value = value / np.float32(max(1.0, c.routed_scaling_factor / 2))
        elif name.endswith(".bias"):
            value = value * np.float32(10)
        tensors[name] = value
    gates = [name for name in tensors if name.endswith("mlp.gate.weight")]
    if vector == "T12":  # every score occurs twice
        for name in gates:
            tensors[name][1::2] = tensors[name][0::2]
    if vector == "T12b":  # one direction in all tokens, one expert along it
        tensors["model.embed_tokens.weight"][:, :8] += 4
        for name in gates:
            tensors[name][5, :8] += 1
    return tensors


def random_tensors(raw, seed):
    """{name: f32 array} of `--weights=random:SEED` for a `config.json`."""
    return {name: random_weights.tensor(seed, name, shape)
            for name, shape in shapes(from_dict(raw)).items()}


# Tensors that a loader must leave alone: another layer's, as the released
# checkpoints with a prediction head have, and a buffer of old exports.
def extra_tensors(c):
    d, last = c.hidden_size, c.num_hidden_layers
    return {f"model.layers.{last}.eh_proj.weight": np.ones((d, 2 * d)),
            f"model.layers.{last}.enorm.weight": np.ones(d),
            "model.layers.0.self_attn.rotary_emb.inv_freq": np.ones(4)}


def config_of(vector, dtype="bf16", v5=False):
    config = BASE | VECTORS[vector] if vector in VECTORS else WIDE[vector]
    config = dict(config) | {"torch_dtype": DTYPES[dtype][1]}
    return v5_form(config) if v5 or vector == "T16c" else config


def make(folder, vector, seed=1, dtype="bf16", shards=1, v5=False):
    """Writes a Hugging Face directory and returns its path."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    raw = config_of(vector, dtype, v5)
    write_config(folder, raw)
    c = from_dict(raw)
    tensors = weights(c, vector, seed)
    if vector == "T16d":
        tensors |= extra_tensors(c)
    safetensors_io.write_folder(folder, tensors, DTYPES[dtype][0], shards)
    return folder


def write_config(folder, raw):
    Path(folder, "config.json").write_text(json.dumps(raw, indent=2) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--vector", required=True,
                        choices=[*VECTORS, *WIDE])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--dtype", choices=DTYPES, default="bf16")
    parser.add_argument("--shards", type=int, default=1)
    parser.add_argument("--v5", action="store_true",
                        help="configuration keys of transformers 5")
    parser.add_argument("--layers", type=int,
                        help="layers of a wide configuration")
    args = parser.parse_args()
    if args.vector in VECTORS:
        make(args.out, args.vector, args.seed, args.dtype, args.shards, args.v5)
        return
    raw = config_of(args.vector, args.dtype, args.v5)
    if args.layers:
        raw["num_hidden_layers"] = args.layers
    args.out.mkdir(parents=True, exist_ok=True)
    write_config(args.out, raw)


if __name__ == "__main__":
    main()
