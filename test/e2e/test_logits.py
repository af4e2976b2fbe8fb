"""Logits of compiled files against the oracle (specification section 8)."""

import pytest

from test.e2e.bars import check_bf16, check_f32, ids_of
from test.reference import checkpoints
from test.reference.oracle import Oracle

VECTORS = list(checkpoints.VECTORS)
SEEDS = (1, 2)
# One token; less than, exactly and more than one page and one tile of rows.
LENGTHS = (1, 5, 64, 131)
# Past YaRN's original 4096 positions and the default step.
LONG = 4200


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("vector", VECTORS)
def test_f32(compiled, vector, seed):
    model = compiled.vector(vector, seed, "f32")
    oracle = Oracle(model.checkpoint)
    for length in LENGTHS:
        check_f32(model, oracle, ids_of(vector, seed, length))


def test_f32_beyond_the_original_context(compiled):
    model = compiled.vector("T5", 1, "f32")
    check_f32(model, Oracle(model.checkpoint), ids_of("T5", 1, LONG))


@pytest.mark.parametrize("vector", VECTORS)
def test_bf16(compiled, vector):
    check_bf16([(compiled.vector(vector, seed, "bf16"),
                 [ids_of(vector, seed, n) for n in LENGTHS])
                for seed in SEEDS])
