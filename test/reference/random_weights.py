"""The weights of `--weights=random:SEED`: a pure function of seed, name, index.

docs/RandomWeights.md is the definition; this is its NumPy form. Everything is
integer arithmetic and one f32 multiplication, so any language gives the same
bits. Also the source of random numbers for the test checkpoints.
"""

import numpy as np

MASK = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15
# Variance of `deviates`: four independent uniforms on 2 * [0, 65535].
DEVIATE_VARIANCE = 5726623060


def mix(z):
    """The finalizer of splitmix64; a u64 array or a Python integer."""
    if isinstance(z, int):
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def fnv1a(name):
    """FNV-1a, 64 bits, of the UTF-8 bytes of `name`."""
    value = 0xCBF29CE484222325
    for byte in name.encode():
        value = ((value ^ byte) * 0x100000001B3) & MASK
    return value


def bits(seed, name, count, first=0):
    """u64 [count]: the random bits of elements first, first + 1, ..."""
    key = mix(fnv1a(name) ^ mix((seed + GOLDEN) & MASK))
    index = np.arange(first + 1, first + count + 1, dtype=np.uint64)
    with np.errstate(over="ignore"):
        return mix(np.uint64(key) + index * np.uint64(GOLDEN))


def deviates(z):
    """f32 integers, nearly normal, mean 0, variance DEVIATE_VARIANCE."""
    field = lambda shift: (z >> np.uint64(shift)) & np.uint64(0xFFFF)
    total = (field(0) + field(16) + field(32) + field(48)).astype(np.int64)
    return (2 * total - 4 * 65535).astype(np.float32)


def multiplier(deviation_squared_inverse):
    """f32 factor that gives deviates the deviation 1/sqrt(the argument)."""
    return np.float32(1.0 / np.sqrt(np.float64(deviation_squared_inverse)
                                    * np.float64(DEVIATE_VARIANCE)))


def values(z, name, last_extent):
    """f32 values of the elements whose bits are `z`, before rounding to the
    tensor's type; `last_extent` is the last of the tensor's shape."""
    if name.endswith("norm.weight"):
        n = 2 * (z >> np.uint64(48)).astype(np.int64) - 65535
        return (5 * 65536 + n).astype(np.float32) * np.float32(1.0 / 327680.0)
    return deviates(z) * multiplier(2500 if name.endswith(".bias")
                                    else last_extent)


def tensor(seed, name, shape):
    """All of a checkpoint tensor, f32."""
    z = bits(seed, name, int(np.prod(shape)))
    return values(z, name, shape[-1]).reshape(shape)
