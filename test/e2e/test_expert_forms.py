"""Experts compute the same fused or not, sorted or not (spec section 4)."""

import numpy as np
import pytest

from test.e2e import schedules
from test.e2e.errors import BF16_FACTOR, ORDER_BAR, relative
from test.reference import goldens
from test.reference.oracle import Oracle

PASSES = ("dsv2-fuse-swiglu", "dsv2-fuse-combine", "dsv2-fuse-shared-experts",
          "dsv2-skip-dispatch")
# Each left out, all of them, and no step or every step unsorted.
FORMS = {"default": (),
         **{f"without {name}": (f"--disable={name}",) for name in PASSES},
         "separate": ("--disable=" + ",".join(PASSES),),
         "sorted": ("--unsorted-tokens=0",),
         "few unsorted": ("--unsorted-tokens=8",),
         "unsorted": ("--unsorted-tokens=100000",)}
IDS = goldens.token_ids("expert forms", 101)
RAGGED = [IDS[:40], IDS[40:46], IDS[1:70]]
LENGTHS = [len(ids) for ids in RAGGED]


def all_forms(compiled, vector, dtype):
    return {form: compiled.vector(vector, 1, dtype, *options)
            for form, options in FORMS.items()}


# T2: groups; T8: incomplete tiles; T10: normalized weights; T11d: no shared
# experts; T12, T12b: ties, one expert each, all tokens to one.
@pytest.mark.parametrize("vector", ["T1", "T2", "T8", "T10", "T11d", "T12", "T12b"])
def test_f32(compiled, vector):
    models = all_forms(compiled, vector, "f32")
    want = models["separate"].logits(IDS)
    ragged = [models["separate"].logits(ids) for ids in RAGGED]
    for form, model in models.items():
        for chunk in (None, 7, 1):
            error = relative(model.logits(IDS, chunk), want)
            assert error.max() <= ORDER_BAR, f"{form}, chunks of {chunk}"
        got = model.schedule(RAGGED, schedules.mixed(LENGTHS, 1))
        for i in range(len(RAGGED)):
            error = relative(got[i], ragged[i])
            assert error.max() <= ORDER_BAR, form


@pytest.mark.parametrize("vector", ["T2", "T8"])
def test_bf16(compiled, vector):
    models = all_forms(compiled, vector, "bf16")
    oracle = Oracle(models["default"].checkpoint)
    want = oracle.logits(IDS)
    bar = BF16_FACTOR * np.median(relative(oracle.logits(IDS, "model"), want))
    for form, model in models.items():
        for chunk in (None, 7, 1):
            error = relative(model.logits(IDS, chunk), want)
            assert np.median(error) <= bar, f"{form}, chunks of {chunk}"


@pytest.mark.parametrize("dtype", ["f32", "bf16"])
@pytest.mark.parametrize("form", FORMS)
def test_threads_bitwise(compiled, form, dtype):
    model = compiled.vector("T2", 1, dtype, *FORMS[form])
    schedule = schedules.mixed(LENGTHS, 5)
    for compute in (lambda n: model.logits_file(IDS, threads=n),
                    lambda n: model.logits_file(IDS, 1, threads=n),
                    lambda n: model.schedule_file(RAGGED, schedule, threads=n)):
        one = compute(1)
        for threads in (2, 5):
            assert compute(threads) == one, f"{threads} threads"


def test_forms_are_different_code(compiled):
    """Else the tests above would compare a form with itself."""
    def code(form):
        model = compiled.vector("T2", 1, "f32", *FORMS[form])
        return tuple(s["hash"] for s in model.json("info")["sections"]
                     if s["name"].startswith("module."))
    # Without the fusion before it, a later one finds nothing either.
    distinct = ("without dsv2-fuse-swiglu", "without dsv2-fuse-combine",
                "without dsv2-fuse-shared-experts", "separate", "sorted",
                "few unsorted", "unsorted")
    assert len({code(form) for form in distinct}) == len(distinct)
    assert code("sorted") == code("without dsv2-skip-dispatch")
