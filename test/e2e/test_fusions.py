"""Fusing changes no bit: with each pass left out, and with all of them, the
logits are the same bytes and the greedy choices the same tokens, whatever the
schedule, the form of attention and the number of threads."""

import pytest

from test.e2e import schedules
from test.reference import goldens

FUSIONS = ("dsv2-fuse-add-norm", "dsv2-fuse-append",
           "dsv2-fuse-sibling-linears", "dsv2-fuse-norm-linear",
           "dsv2-fuse-argmax", "dsv2-fuse-query-rope")
IDS = goldens.token_ids("fusions", 75)
# Steps of few rows, of many, and of sequences absorbed beside expanded ones.
RAGGED = [IDS[:64], IDS[64:70], IDS[1:75]]
LENGTHS = [len(ids) for ids in RAGGED]
# With and without a low-rank query (T7: q_lora_rank null); T15 absorbs by
# other widths.
CASES = [("T2", "bf16", ()), ("T2", "f32", ("--attention=factored",)),
         ("T7", "bf16", ()), ("T7", "f32", ("--attention=merged",)),
         ("T15", "f32", ("--attention=expanded",))]


def outcomes(model):
    """Bytes of what a model computes in several ways."""
    yield "single steps", model.logits_file(IDS[:9], 1)
    for threads in (1, 3):
        yield f"chunks, {threads} threads", model.logits_file(IDS, 7, threads=threads)
        yield f"mixed, {threads} threads", model.schedule_file(
            RAGGED, schedules.mixed(LENGTHS, 1), threads=threads)
        results = model.batch([{"tokens": ids, "max_tokens": 9, "temperature": 0} for ids in RAGGED],
                              "--threads", threads)
        yield f"greedy, {threads} threads", [r["tokens"] for r in results]


@pytest.mark.parametrize("vector,dtype,options", CASES)
def test_no_bit_changes(compiled, vector, dtype, options):
    want = dict(outcomes(compiled.vector(vector, 1, dtype, *options)))
    for disabled in (*FUSIONS, ",".join(FUSIONS)):
        model = compiled.vector(vector, 1, dtype, *options,
                                f"--disable={disabled}")
        for what, got in outcomes(model):
            assert got == want[what], f"{what} without {disabled}"


def test_each_is_at_work(compiled):
    """Else the test above would compare a model with itself."""
    def code(*options):
        info = compiled.vector("T2", 1, "bf16", *options).json("info")
        return tuple(s["hash"] for s in info["sections"]
                     if s["name"].startswith("module."))
    assert len({code(), *(code(f"--disable={p}") for p in FUSIONS)}) == \
        len(FUSIONS) + 1
