"""`config.json` of the DeepSeek-V2 family, v4 and v5 key forms (spec section 1)."""

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Config:
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    q_lora_rank: int | None
    kv_lora_rank: int
    qk_nope_head_dim: int
    qk_rope_head_dim: int
    v_head_dim: int
    intermediate_size: int
    moe_intermediate_size: int
    n_routed_experts: int | None
    n_shared_experts: int | None
    num_experts_per_tok: int
    topk_method: str
    n_group: int
    topk_group: int
    routed_scaling_factor: float
    norm_topk_prob: bool
    first_k_dense_replace: int
    moe_layer_freq: int
    vocab_size: int
    rms_norm_eps: float
    rope_theta: float
    rope_scaling: dict | None
    attention_bias: bool
    tie_word_embeddings: bool
    max_position_embeddings: int

    @property
    def qk_head_dim(self):
        return self.qk_nope_head_dim + self.qk_rope_head_dim

    def is_moe(self, layer):
        return (self.n_routed_experts is not None
                and layer >= self.first_k_dense_replace
                and layer % self.moe_layer_freq == 0)


def _rope(raw):
    """(theta, scaling or None) of either key form."""
    parameters = raw.get("rope_parameters")
    if parameters is None:
        scaling = raw.get("rope_scaling")
        kind = scaling and scaling.get("type", scaling.get("rope_type"))
        theta = raw["rope_theta"]
    else:
        scaling, kind = parameters, parameters.get("rope_type", "default")
        theta = parameters["rope_theta"]
    if not scaling or kind == "default":
        return float(theta), None
    if kind != "yarn":
        raise ValueError(f"rope type {kind} is not in the specification")
    return float(theta), dict(scaling)


def from_dict(raw):
    theta, scaling = _rope(raw)
    fields = {name: raw.get(name) for name in Config.__dataclass_fields__}
    fields |= {"rope_theta": theta, "rope_scaling": scaling,
               "n_group": raw.get("n_group") or 1,
               "topk_group": raw.get("topk_group") or 1,
               "moe_layer_freq": raw.get("moe_layer_freq") or 1,
               "norm_topk_prob": bool(raw.get("norm_topk_prob")),
               "attention_bias": bool(raw.get("attention_bias")),
               "tie_word_embeddings": bool(raw.get("tie_word_embeddings"))}
    return Config(**fields)


def load(folder):
    return from_dict(json.loads((Path(folder) / "config.json").read_text()))
