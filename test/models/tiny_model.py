"""DeepSeek-V2 in plain PyTorch, for training the bundled model quickly.

Parameter names are the checkpoint's, so saving is a plain dump. Experts run on
the rows routed to them; everything is f32; there is no cache.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

from test.reference.rope import inverse_frequencies, softmax_scale


class RMSNorm(nn.Module):
    def __init__(self, width, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x):
        return F.rms_norm(x, self.weight.shape, self.weight, self.eps)


def linear(inputs, outputs):
    layer = nn.Linear(inputs, outputs, bias=False)
    nn.init.normal_(layer.weight, std=inputs ** -0.5)
    return layer


def rotate(x, cos, sin):
    """x [..., tokens, rope] with interleaved pairs; cos, sin [tokens, rope/2]."""
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack((even * cos - odd * sin, odd * cos + even * sin),
                       -1).flatten(-2)


class Attention(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        h, width = c.num_attention_heads, c.hidden_size
        self.q_a_proj = linear(width, c.q_lora_rank)
        self.q_a_layernorm = RMSNorm(c.q_lora_rank, 1e-6)
        self.q_b_proj = linear(c.q_lora_rank, h * c.qk_head_dim)
        self.kv_a_proj_with_mqa = linear(width,
                                         c.kv_lora_rank + c.qk_rope_head_dim)
        self.kv_a_layernorm = RMSNorm(c.kv_lora_rank, 1e-6)
        self.kv_b_proj = linear(c.kv_lora_rank,
                                h * (c.qk_nope_head_dim + c.v_head_dim))
        self.o_proj = linear(h * c.v_head_dim, width)
        self.scale = softmax_scale(c)

    def forward(self, x, cos, sin):
        c, (b, t, _) = self.c, x.shape
        h, nope, rope = c.num_attention_heads, c.qk_nope_head_dim, c.qk_rope_head_dim
        q = self.q_b_proj(self.q_a_layernorm(self.q_a_proj(x)))
        q = q.view(b, t, h, nope + rope).transpose(1, 2)
        latent, k_pe = self.kv_a_proj_with_mqa(x).split(
            (c.kv_lora_rank, rope), -1)
        kv = self.kv_b_proj(self.kv_a_layernorm(latent))
        k, v = kv.view(b, t, h, -1).transpose(1, 2).split(
            (nope, c.v_head_dim), -1)
        q = torch.cat((q[..., :nope], rotate(q[..., nope:], cos, sin)), -1)
        k_pe = rotate(k_pe, cos, sin)[:, None].expand(-1, h, -1, -1)
        k = torch.cat((k, k_pe), -1)
        # The fused kernel wants one head width; the padding is cut off again.
        v = F.pad(v, (0, nope + rope - c.v_head_dim))
        o = F.scaled_dot_product_attention(q, k, v, is_causal=True,
                                           scale=self.scale)
        o = o[..., :c.v_head_dim].transpose(1, 2).reshape(b, t, -1)
        return self.o_proj(o)


class SwiGLU(nn.Module):
    def __init__(self, width, inner):
        super().__init__()
        self.gate_proj = linear(width, inner)
        self.up_proj = linear(width, inner)
        self.down_proj = linear(inner, width)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class MoE(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        self.gate = linear(c.hidden_size, c.n_routed_experts)
        self.experts = nn.ModuleList(
            SwiGLU(c.hidden_size, c.moe_intermediate_size)
            for _ in range(c.n_routed_experts))
        self.shared_experts = SwiGLU(
            c.hidden_size, c.moe_intermediate_size * c.n_shared_experts)
        self.balance_loss = 0.0

    def forward(self, x):
        c, shape = self.c, x.shape
        x = x.flatten(0, 1)
        s = self.gate(x).softmax(-1)
        groups = s.view(-1, c.n_group, c.n_routed_experts // c.n_group)
        kept = groups.amax(-1).topk(c.topk_group).indices
        mask = torch.zeros(x.shape[0], c.n_group).scatter_(1, kept, 1.0)
        w, ids = (groups * mask[..., None]).flatten(1).topk(c.num_experts_per_tok)
        counts = torch.bincount(ids.flatten(), minlength=c.n_routed_experts)
        self.balance_loss = (s.mean(0) * counts / counts.sum()).sum() \
            * c.n_routed_experts
        order = ids.flatten().argsort(stable=True)
        rows = x[order // c.num_experts_per_tok].split(counts.tolist())
        y = torch.cat([e(r) for e, r in zip(self.experts, rows)])
        weights = (w.flatten() * c.routed_scaling_factor)[order]
        y = torch.zeros_like(x).index_add(
            0, order // c.num_experts_per_tok, y * weights[:, None])
        return (y + self.shared_experts(x)).view(shape)


class Layer(nn.Module):
    def __init__(self, c, index):
        super().__init__()
        self.input_layernorm = RMSNorm(c.hidden_size, c.rms_norm_eps)
        self.self_attn = Attention(c)
        self.post_attention_layernorm = RMSNorm(c.hidden_size, c.rms_norm_eps)
        self.mlp = MoE(c) if c.is_moe(index) else \
            SwiGLU(c.hidden_size, c.intermediate_size)

    def forward(self, x, cos, sin):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin)
        return x + self.mlp(self.post_attention_layernorm(x))


class Model(nn.Module):
    """Token ids [batch, tokens] to logits [batch, tokens, vocab]."""

    def __init__(self, c):
        super().__init__()
        self.c = c
        self.model = nn.Module()
        self.model.embed_tokens = nn.Embedding(c.vocab_size, c.hidden_size)
        self.model.layers = nn.ModuleList(
            Layer(c, i) for i in range(c.num_hidden_layers))
        self.model.norm = RMSNorm(c.hidden_size, c.rms_norm_eps)
        self.lm_head = linear(c.hidden_size, c.vocab_size)
        nn.init.normal_(self.model.embed_tokens.weight, std=0.5)

    def forward(self, ids):
        f = torch.from_numpy(inverse_frequencies(self.c))
        angles = torch.arange(ids.shape[1], dtype=torch.float32)[:, None] * f
        cos, sin = angles.cos(), angles.sin()
        x = self.model.embed_tokens(ids)
        for layer in self.model.layers:
            x = layer(x, cos, sin)
        return self.lm_head(self.model.norm(x))

    def balance_loss(self):
        return sum(layer.mlp.balance_loss for layer in self.model.layers
                   if isinstance(layer.mlp, MoE))
