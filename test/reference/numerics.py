"""Rounding to bf16 and the two precisions the oracle computes in."""

import numpy as np


def to_bf16_bits(x):
    """u16 bit patterns of f32 `x`, rounded to nearest even; NaN stays NaN."""
    u = np.ascontiguousarray(x, np.float32).view(np.uint32)
    rounded = (u + np.uint32(0x7FFF) + ((u >> np.uint32(16)) & np.uint32(1)))
    bits = (rounded >> np.uint32(16)).astype(np.uint16)
    return np.where(np.isnan(x), np.uint16(0x7FC0), bits)


def from_bf16_bits(bits):
    return (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)


def round_bf16(x):
    """f32 array whose values are bf16."""
    return from_bf16_bits(to_bf16_bits(x))


class Precision:
    """A working type and the rounding after each operation."""

    def __init__(self, dtype, rnd):
        self.dtype = dtype
        self.rnd = rnd

    @staticmethod
    def f64():
        return Precision(np.float64, lambda x: x)

    @staticmethod
    def model(checkpoint_dtype):
        """The released code on a checkpoint of this type: f32, or bf16 values
        held in f32 with every product accumulated in f32 and then rounded."""
        if checkpoint_dtype == "f32":
            return Precision(np.float32, lambda x: x)
        return Precision(np.float32, round_bf16)
