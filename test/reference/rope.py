"""Rotary frequencies, angles and the softmax scale (spec section 3, YaRN).

Frequencies are computed in f32, as the released code does, and so are angles:
their rounding is part of the model at long positions.
"""

import math

import numpy as np

F32 = np.float32


def yarn_mscale(factor, mscale):
    return 1.0 if factor <= 1 else 0.1 * mscale * math.log(factor) + 1.0


def correction_range(config):
    """(low, high) of the ramp, in units of frequency index."""
    scaling, dim = config.rope_scaling, config.qk_rope_head_dim
    original = scaling["original_max_position_embeddings"]

    def correction(rotations):
        return (dim * math.log(original / (rotations * 2 * math.pi))
                / (2 * math.log(config.rope_theta)))

    low = max(math.floor(correction(scaling.get("beta_fast", 32))), 0)
    high = min(math.ceil(correction(scaling.get("beta_slow", 1))), dim - 1)
    return (low, high + 0.001) if low == high else (low, high)


def inverse_frequencies(config):
    """f_i, f32 [rope / 2]."""
    half = config.qk_rope_head_dim // 2
    exponents = (np.arange(half, dtype=F32) * F32(2)
                 / F32(config.qk_rope_head_dim))
    # libm pow differs in the last bit between builds; f64 then one rounding
    # gives the correctly rounded value.
    powers = (np.float64(config.rope_theta)
              ** exponents.astype(np.float64)).astype(F32)
    if config.rope_scaling is None:
        return F32(1) / powers
    factor = F32(config.rope_scaling["factor"])
    extra, inter = F32(1) / powers, F32(1) / (factor * powers)
    low, high = correction_range(config)
    ramp = np.clip((np.arange(half, dtype=F32) - F32(low))
                   / F32(high - low), F32(0), F32(1))
    keep = F32(1) - ramp
    return inter * (F32(1) - keep) + extra * keep


def angles(config, positions):
    """f32 products t * f_i, [tokens, rope / 2]."""
    return (np.asarray(positions, F32)[:, None]
            * inverse_frequencies(config)[None, :])


def cos_sin_multiplier(config):
    """M(s, mscale) / M(s, mscale_all_dim); 1 without scaling."""
    scaling = config.rope_scaling
    if scaling is None:
        return 1.0
    factor = scaling["factor"]
    return (yarn_mscale(factor, scaling.get("mscale", 1))
            / yarn_mscale(factor, scaling.get("mscale_all_dim", 0)))


def softmax_scale(config):
    scale = config.qk_head_dim ** -0.5
    all_dim = (config.rope_scaling or {}).get("mscale_all_dim", 0)
    if all_dim:
        scale *= yarn_mscale(config.rope_scaling["factor"], all_dim) ** 2
    return scale
