"""Holds random_weights.py to docs/RandomWeights.md."""

import re
from pathlib import Path

import numpy as np
import pytest

from test.reference import random_weights
from test.reference.numerics import to_bf16_bits

DOCUMENT = Path(__file__).parents[2] / "docs" / "RandomWeights.md"
ROW = re.compile(r"\| (\d+) \| `([\w.]+)` \| (\[[\d, ]+\]) \| (\d+) "
                 r"\| `(\w{16})` \| `(\w{8})` \(\S+\) \| `(\w{4})` \|")


def golden_rows():
    return ROW.findall(DOCUMENT.read_text())


def test_the_document_has_golden_values():
    assert len(golden_rows()) == 8


@pytest.mark.parametrize("row", golden_rows(), ids=lambda row: row[1])
def test_golden_value(row):
    seed, name, shape, index, z, f32, bf16 = row
    last_extent = int(shape[1:-1].split(",")[-1])
    bits = random_weights.bits(int(seed), name, 1, int(index))
    value = random_weights.values(bits, name, last_extent)
    assert f"{bits[0]:016x}" == z
    assert f"{value.view(np.uint32)[0]:08x}" == f32
    assert f"{to_bf16_bits(value)[0]:04x}" == bf16


def test_distribution():
    weight = random_weights.tensor(3, "a.weight", (400, 256)) * 16
    assert abs(weight.mean()) < 0.02
    assert abs(weight.std() - 1) < 0.01
    assert 2.5 < np.abs(weight).max() < 3.47
    norm = random_weights.tensor(3, "a_layernorm.weight", (4096,))
    assert 0.8 < norm.min() < 0.81 and 1.19 < norm.max() < 1.2


def test_tensors_differ_by_name_and_seed():
    one = random_weights.tensor(1, "a.weight", (8, 8))
    assert not np.array_equal(one, random_weights.tensor(1, "b.weight", (8, 8)))
    assert not np.array_equal(one, random_weights.tensor(2, "a.weight", (8, 8)))
