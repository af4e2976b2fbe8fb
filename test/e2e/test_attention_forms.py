"""Every form of attention computes the same (spec section 3.1, T13)."""

import numpy as np
import pytest

from test.e2e import schedules
from test.e2e.errors import BF16_FACTOR, ORDER_BAR, relative
from test.reference import goldens
from test.reference.oracle import Oracle

FORMS = ("split", "factored", "merged", "expanded")
IDS = goldens.token_ids("attention forms", 131)
RAGGED = [IDS[:64], IDS[64:70], IDS[1:130]]
LENGTHS = [len(ids) for ids in RAGGED]


def all_forms(compiled, vector, dtype):
    return {form: compiled.vector(vector, 1, dtype, f"--attention={form}")
            for form in ("auto", *FORMS)}


@pytest.mark.parametrize("vector", ["T2", "T7", "T15"])
def test_f32(compiled, vector):
    models = all_forms(compiled, vector, "f32")
    want = models["factored"].logits(IDS)
    ragged = [models["factored"].logits(ids) for ids in RAGGED]
    for form, model in models.items():
        for chunk in (None, 7, 1):
            error = relative(model.logits(IDS, chunk), want)
            assert error.max() <= ORDER_BAR, f"{form}, chunks of {chunk}"
        for seed in range(2):
            got = model.schedule(RAGGED, schedules.mixed(LENGTHS, seed))
            for i in range(len(RAGGED)):
                error = relative(got[i], ragged[i])
                assert error.max() <= ORDER_BAR, f"{form}, schedule {seed}"


def test_bf16(compiled):
    models = all_forms(compiled, "T2", "bf16")
    oracle = Oracle(models["auto"].checkpoint)
    want = oracle.logits(IDS)
    bar = BF16_FACTOR * np.median(relative(oracle.logits(IDS, "model"), want))
    for form, model in models.items():
        for chunk in (None, 7):
            error = relative(model.logits(IDS, chunk), want)
            assert np.median(error) <= bar, f"{form}, chunks of {chunk}"


def test_forms_are_different_code(compiled):
    """Else the tests above would compare a form with itself."""
    def code(form):
        info = compiled.vector("T2", 1, "f32", f"--attention={form}").json("info")
        return [s["hash"] for s in info["sections"]
                if s["name"].startswith("module.")]
    assert len({tuple(code(form)) for form in FORMS}) == len(FORMS)
