"""One step, any chunking and single steps agree (T13); threads change no bit."""

import numpy as np
import pytest

from test.e2e.errors import BF16_FACTOR, ORDER_BAR, relative
from test.reference import goldens
from test.reference.oracle import Oracle

IDS = goldens.token_ids("equivalences", 150)
# Single steps, the specification's 4, odd ones, a page, all but one token.
CHUNKS = (1, 4, 7, 64, 149)


@pytest.mark.parametrize("vector", ["T1", "T2", "T7", "T13", "T15"])
def test_f32_chunks(compiled, vector):
    model = compiled.vector(vector, 1, "f32")
    whole = model.logits(IDS)
    for chunk in CHUNKS:
        error = relative(model.logits(IDS, chunk), whole)
        assert error.max() <= ORDER_BAR, f"chunks of {chunk}"


@pytest.mark.parametrize("vector", ["T1", "T2"])
def test_bf16_chunks(compiled, vector):
    model = compiled.vector(vector, 1, "bf16")
    oracle = Oracle(model.checkpoint)
    want = oracle.logits(IDS)
    bar = BF16_FACTOR * np.median(relative(oracle.logits(IDS, "model"), want))
    for chunk in (None, *CHUNKS):
        error = relative(model.logits(IDS, chunk), want)
        assert np.median(error) <= bar, f"chunks of {chunk}"


@pytest.mark.parametrize("dtype", ["f32", "bf16"])
@pytest.mark.parametrize("vector", ["T1", "T2", "T8"])
@pytest.mark.parametrize("chunk", [None, 1, 7])
def test_threads_and_runs_bitwise(compiled, vector, dtype, chunk):
    model = compiled.vector(vector, 1, dtype)
    one = model.logits(IDS, chunk, threads=1)
    for threads in (1, 2, 5):
        again = model.logits(IDS, chunk, threads=threads)
        assert np.array_equal(one.view(np.uint32), again.view(np.uint32)), \
            f"{threads} threads"
