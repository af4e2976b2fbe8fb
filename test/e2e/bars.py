"""Checks of compiled files against the oracle, by the bars of `errors`."""

import numpy as np

from test.e2e.errors import BF16_FACTOR, F32_BAR, relative, sure_tokens
from test.reference import goldens
from test.reference.oracle import Oracle


def ids_of(vector, seed, length):
    """Token ids that nobody picked."""
    return goldens.token_ids(f"e2e {vector} {seed} {length}", length)


def check_f32(model, oracle, ids, **options):
    trace = []
    want = oracle.logits(ids, trace=trace)
    sure = sure_tokens(trace)
    error = relative(model.logits(ids, **options), want)[sure]
    assert error.size and error.max() <= F32_BAR


def bf16_errors(model, oracle, ids_list, **options):
    """Errors of all tokens against f64: the compiled file's, the oracle's."""
    ours, reference = [], []
    for ids in ids_list:
        want = oracle.logits(ids)
        ours.append(relative(model.logits(ids, **options), want))
        reference.append(relative(oracle.logits(ids, "model"), want))
    return np.concatenate(ours), np.concatenate(reference)


def check_bf16(models_and_ids, oracles=None, **options):
    """All tokens of all models together. `oracles` of the checkpoints where
    they are not simply what the models were compiled from."""
    oracles = oracles or [Oracle(m.checkpoint) for m, _ in models_and_ids]
    pairs = [bf16_errors(model, oracle, ids, **options)
             for (model, ids), oracle in zip(models_and_ids, oracles)]
    ours, reference = map(np.concatenate, zip(*pairs))
    assert np.median(ours) <= BF16_FACTOR * np.median(reference)
