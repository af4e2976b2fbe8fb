"""An independent NumPy transcription of the model (spec sections 1 to 4).

    oracle = Oracle(folder)
    oracle.logits(ids)                      # f64 [tokens, vocab]
    oracle.logits(ids, precision="model")   # f32, the released code's rounding

In f64 everything but the rotary angles is f64. In model precision a bf16
checkpoint is computed with the released code's rounding points, an f32 one in
plain f32. Sequences are evaluated whole and alone: there is no cache here.
"""

import numpy as np

from test.reference import config as config_reader
from test.reference import rope, safetensors_io
from test.reference.numerics import Precision, round_bf16

INNER_EPS = 1e-6  # of the q_a and kv_a norms, whatever the configuration says


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def top_k(scores, k):
    """(ids by descending score, lowest id first among equals; margin to the
    first score left out, infinite when none is)."""
    order = np.argsort(-scores, axis=-1, kind="stable")
    ranked = np.take_along_axis(scores, order, -1)
    if k >= scores.shape[-1]:
        return order, np.full(scores.shape[:-1], np.inf)
    return order[..., :k], ranked[..., k - 1] - ranked[..., k]


class Oracle:
    def __init__(self, folder, dtype="auto", tensors=None):
        """`dtype` as the compiler's option: auto keeps bf16 and f32 and turns
        f16 into bf16. `tensors` ({name: f32 array}, rounded here to `dtype`)
        replaces the folder's files."""
        self.config = config_reader.load(folder)
        if tensors is None:
            stored = safetensors_io.read_folder(folder)
            kinds = {kind for kind, _ in stored.values()}
            if dtype == "auto":
                dtype = "f32" if "F32" in kinds else "bf16"
            tensors = {name: value.astype(np.float32)
                       for name, (_, value) in stored.items()}
        elif dtype == "auto":
            raise ValueError("tensors need an explicit type")
        if dtype == "bf16":
            tensors = {name: round_bf16(v) for name, v in tensors.items()}
        self.dtype = dtype
        self.tensors = tensors

    def logits(self, ids, precision="f64", trace=None):
        """Logits of every position of one sequence, [tokens, vocab]. A list
        given as `trace` receives one dictionary of values a layer."""
        p = Precision.f64() if precision == "f64" else Precision.model(self.dtype)
        return _Evaluation(self, p, len(ids)).run(np.asarray(ids), trace)

    def batch(self, sequences, precision="f64"):
        """A ragged batch is, by definition, each sequence alone."""
        return [self.logits(ids, precision) for ids in sequences]


class _Evaluation:
    """One forward pass in one precision."""

    def __init__(self, oracle, precision, tokens):
        self.c = oracle.config
        self.tensors = oracle.tensors
        self.dtype, self.rnd = precision.dtype, precision.rnd
        angles = rope.angles(self.c, np.arange(tokens)).astype(np.float64)
        ratio = rope.cos_sin_multiplier(self.c)
        if self.dtype == np.float32:
            scaled = lambda x: self.rnd(x.astype(np.float32) * np.float32(ratio))
        else:
            scaled = lambda x: x * ratio
        self.cos, self.sin = scaled(np.cos(angles)), scaled(np.sin(angles))
        self.scale = self.dtype(rope.softmax_scale(self.c))

    def weight(self, name):
        return self.tensors[name].astype(self.dtype)

    def linear(self, x, name, bias=False):
        y = x @ self.weight(name + ".weight").T
        return self.rnd(y + self.weight(name + ".bias") if bias else y)

    def rms_norm(self, x, name, eps):
        mean = np.mean(x * x, axis=-1, keepdims=True, dtype=self.dtype)
        unit = x * (1 / np.sqrt(mean + self.dtype(eps)))
        return self.rnd(self.weight(name + ".weight") * self.rnd(unit))

    def rotate(self, x):
        """x [tokens, heads, rope], interleaved pairs in, half-split out."""
        even, odd = x[..., 0::2], x[..., 1::2]
        cos, sin, rnd = self.cos[:, None], self.sin[:, None], self.rnd
        return np.concatenate([rnd(rnd(even * cos) - rnd(odd * sin)),
                               rnd(rnd(odd * cos) + rnd(even * sin))], -1)

    def attention(self, x, prefix, trace):
        c, t, rnd = self.c, len(x), self.rnd
        heads, nope = c.num_attention_heads, c.qk_nope_head_dim
        if c.q_lora_rank is None:
            q = self.linear(x, prefix + "q_proj")
        else:
            a = self.linear(x, prefix + "q_a_proj", c.attention_bias)
            q = self.linear(self.rms_norm(a, prefix + "q_a_layernorm",
                                          INNER_EPS), prefix + "q_b_proj")
        q = q.reshape(t, heads, c.qk_head_dim)
        q_pe = self.rotate(q[..., nope:])

        z = self.linear(x, prefix + "kv_a_proj_with_mqa", c.attention_bias)
        latent = self.rms_norm(z[:, :c.kv_lora_rank],
                               prefix + "kv_a_layernorm", INNER_EPS)
        k_pe = self.rotate(z[:, None, c.kv_lora_rank:])[:, 0]
        kv = self.linear(latent, prefix + "kv_b_proj").reshape(t, heads, -1)
        k_nope, v = kv[..., :nope], kv[..., nope:]

        future = np.triu(np.ones((t, t), bool), 1)
        out = np.empty((t, heads, c.v_head_dim), self.dtype)
        for h in range(heads):
            query = np.concatenate([q[:, h, :nope], q_pe[:, h]], -1)
            key = np.concatenate([k_nope[:, h], k_pe], -1)
            scores = rnd(rnd(query @ key.T) * self.scale)
            scores[future] = -np.inf
            out[:, h] = rnd(rnd(softmax(scores)) @ v[:, h])
        trace.update(c=latent, k_pe=k_pe)
        return self.linear(out.reshape(t, -1), prefix + "o_proj",
                           c.attention_bias)

    def swiglu(self, x, prefix):
        gate = self.linear(x, prefix + "gate_proj")
        up = self.linear(x, prefix + "up_proj")
        silu = self.rnd(gate / (1 + np.exp(-gate)))
        return self.linear(self.rnd(silu * up), prefix + "down_proj")

    def route(self, x, prefix, trace):
        """(ids, weights), each [tokens, k]; never rounded to bf16."""
        c = self.c
        # Not a matrix product: equal rows must give bitwise equal scores.
        gate = self.weight(prefix + "gate.weight")
        s = softmax((x[:, None] * gate).sum(-1))
        choice, group_margin = s, np.full(len(x), np.inf)
        if c.topk_method == "group_limited_greedy":
            groups = s.reshape(len(x), c.n_group, -1)
            kept, group_margin = top_k(groups.max(-1), c.topk_group)
            mask = np.zeros(groups.shape[:2], bool)
            np.put_along_axis(mask, kept, True, -1)
            choice = np.where(mask[..., None], groups, 0).reshape(s.shape)
        elif c.topk_method != "greedy":
            raise ValueError(f"topk_method {c.topk_method} is not in the "
                             "specification")
        ids, margin = top_k(choice, c.num_experts_per_tok)
        w = np.take_along_axis(choice, ids, -1)
        if c.norm_topk_prob and c.num_experts_per_tok > 1:
            w = w / (w.sum(-1, keepdims=True) + self.dtype(1e-20))
        else:
            w = w * self.dtype(c.routed_scaling_factor)
        trace.update(scores=s, ids=ids, weights=w,
                     margin=np.minimum(margin, group_margin))
        return ids, w

    def moe(self, x, prefix, trace):
        ids, w = self.route(x, prefix, trace)
        outputs = np.zeros((*ids.shape, x.shape[1]), self.dtype)
        for expert in np.unique(ids):
            token, slot = np.nonzero(ids == expert)
            outputs[token, slot] = self.swiglu(
                x[token], f"{prefix}experts.{expert}.")
        y = self.rnd((outputs * w[..., None]).sum(1))
        if self.c.n_shared_experts:
            y = self.rnd(y + self.swiglu(x, prefix + "shared_experts."))
        return y

    def run(self, ids, trace):
        c, rnd = self.c, self.rnd
        x = self.weight("model.embed_tokens.weight")[ids]
        for layer in range(c.num_hidden_layers):
            prefix, record = f"model.layers.{layer}.", {}
            a = self.rms_norm(x, prefix + "input_layernorm", c.rms_norm_eps)
            x = rnd(x + self.attention(a, prefix + "self_attn.", record))
            g = self.rms_norm(x, prefix + "post_attention_layernorm",
                              c.rms_norm_eps)
            x = rnd(x + (self.moe(g, prefix + "mlp.", record)
                         if c.is_moe(layer)
                         else self.swiglu(g, prefix + "mlp.")))
            if trace is not None:
                trace.append(record | {"output": x})
        x = self.rms_norm(x, "model.norm", c.rms_norm_eps)
        return self.linear(x, "model.embed_tokens" if c.tie_word_embeddings
                           else "lm_head")
