"""One step, any chunking, single steps and mixed steps agree (T13); a batch is
each sequence alone (T14); the number of threads changes no bit."""

import json

import numpy as np
import pytest

from test.e2e import schedules
from test.e2e.errors import BF16_FACTOR, ORDER_BAR, relative
from test.reference import goldens
from test.reference.oracle import Oracle

IDS = goldens.token_ids("equivalences", 150)
# Single steps, the specification's 4, odd ones, a page, all but one token.
CHUNKS = (1, 4, 7, 64, 149)
# One token; a page less one, exactly, plus one; two pages and a bit; past one
# step of mixed schedules.
RAGGED = [IDS[:1], IDS[3:66], IDS[7:71], IDS[11:76], IDS[13:143], IDS[5:14]]
LENGTHS = [len(ids) for ids in RAGGED]


def assert_close(got, want, what):
    error = relative(got, want)
    assert error.max() <= ORDER_BAR, \
        f"{what}: token {error.argmax()} differs by {error.max():.2e}"


@pytest.mark.parametrize("vector", ["T1", "T2", "T7", "T13", "T15"])
def test_f32_chunks(compiled, vector):
    model = compiled.vector(vector, 1, "f32")
    whole = model.logits(IDS)
    for chunk in CHUNKS:
        assert_close(model.logits(IDS, chunk), whole, f"chunks of {chunk}")


@pytest.mark.parametrize("length", [63, 64, 65, 130])
def test_f32_chunks_at_pages(compiled, length):
    model = compiled.vector("T2", 1, "f32")
    whole = model.logits(IDS[:length])
    for chunk in (1, 7, 64):
        assert_close(model.logits(IDS[:length], chunk), whole,
                     f"chunks of {chunk}")


@pytest.mark.parametrize("vector", ["T2", "T14", "T15"])
def test_f32_batches(compiled, vector):
    model = compiled.vector(vector, 1, "f32")
    want = [model.logits(ids) for ids in RAGGED]
    steps = {"at once": schedules.at_once(LENGTHS),
             "alone": schedules.alone(LENGTHS),
             **{f"mixed {seed}": schedules.mixed(LENGTHS, seed, 140)
                for seed in range(4)}}
    for name, schedule in steps.items():
        got = model.schedule(RAGGED, schedule)
        for i, ids in enumerate(RAGGED):
            assert_close(got[i], want[i], f"{name}, {len(ids)} tokens")


def test_decode_beside_prefill(compiled):
    """Some sequences decode while another one's prompt arrives in parts."""
    model = compiled.vector("T2", 1, "f32")
    steps = [[[1, 60], [2, 63]]]
    steps += [[[1, 1], [4, 50], [2, 1]], [[4, 50], [1, 1]], [[1, 1], [4, 30]]]
    steps += [[[0, 1], [3, 65], [5, 9]]]
    got = model.schedule(RAGGED, steps)
    for i, ids in enumerate(RAGGED):
        assert_close(got[i], model.logits(ids), f"{len(ids)} tokens")


@pytest.mark.parametrize("vector", ["T1", "T2"])
def test_bf16_orders(compiled, vector):
    model = compiled.vector(vector, 1, "bf16")
    oracle = Oracle(model.checkpoint)
    want = [oracle.logits(ids) for ids in (IDS, *RAGGED)]
    reference = [relative(oracle.logits(ids, "model"), logits)
                 for ids, logits in zip((IDS, *RAGGED), want)]
    bar = BF16_FACTOR * np.median(reference[0])
    for chunk in (None, *CHUNKS):
        error = relative(model.logits(IDS, chunk), want[0])
        assert np.median(error) <= bar, f"chunks of {chunk}"
    bar = BF16_FACTOR * np.median(np.concatenate(reference[1:]))
    for steps in (schedules.at_once(LENGTHS), schedules.mixed(LENGTHS, 1),
                  schedules.mixed(LENGTHS, 2)):
        got = model.schedule(RAGGED, steps)
        errors = [relative(a, b) for a, b in zip(got, want[1:])]
        assert np.median(np.concatenate(errors)) <= bar, steps


@pytest.mark.parametrize("dtype", ["f32", "bf16"])
@pytest.mark.parametrize("vector", ["T1", "T2", "T8"])
def test_threads_and_runs_bitwise(compiled, vector, dtype):
    model = compiled.vector(vector, 1, dtype)
    schedule = schedules.mixed(LENGTHS, 5)
    for compute in (lambda n: model.logits_file(IDS, threads=n),
                    lambda n: model.logits_file(IDS, 1, threads=n),
                    lambda n: model.logits_file(IDS, 7, threads=n),
                    lambda n: model.schedule_file(RAGGED, schedule, threads=n)):
        one = compute(1)
        for threads in (1, 2, 5):
            assert compute(threads) == one, f"{threads} threads"


def test_a_full_batch(compiled):
    """As many sequences, and as many tokens, as a step takes; not one more."""
    model = compiled.vector("T2", 1, "f32")
    sequences = [IDS[i:i + 8] for i in range(64)]
    got = model.schedule(sequences, schedules.at_once([8] * 64))
    for i in (0, 31, 63):
        assert_close(got[i], model.logits(sequences[i]), f"sequence {i}")
    # All 64 decode at once after a prefill.
    steps = [[[i, 7] for i in range(64)], [[i, 1] for i in reversed(range(64))]]
    for one, other in zip(model.schedule(sequences, steps), got):
        assert_close(one, other, "decode")


def test_steps_smaller_than_the_prompt(compiled):
    whole = compiled.vector("T2", 1, "f32")
    small = compiled.vector("T2", 1, "f32", "--max-step-tokens=48",
                            "--max-batch=3", "--max-context=150")
    assert_close(small.logits(IDS), whole.logits(IDS), "steps of 48")
    options = ("--tokens", ",".join(map(str, IDS[:100])), "-n", 40,
               "--temperature", 0)
    assert small.generate(*options)["tokens"] == \
        whole.generate(*options)["tokens"]
    got = small.schedule(RAGGED[:3], schedules.mixed(LENGTHS[:3], 1, 48))
    for i in range(3):
        assert_close(got[i], whole.logits(RAGGED[i]), f"sequence {i}")


@pytest.mark.parametrize("sequences, steps, words", [
    ([IDS[:20]] * 3, [[[0, 20], [1, 20], [2, 9]], [[2, 11]]], "49 new tokens"),
    ([IDS[:2]] * 4, schedules.at_once([2] * 4), "4 texts"),
    ([IDS + IDS[:1]], schedules.alone([151]), "151"),
    ([[300]], schedules.alone([1]), "vocabulary"),
    ([IDS[:5]], [[[0, 4]]], "steps")])
def test_more_than_a_step_takes(compiled, tmp_path, sequences, steps, words):
    small = compiled.vector("T2", 1, "f32", "--max-step-tokens=48",
                            "--max-batch=3", "--max-context=150")
    file = tmp_path / "schedule.json"
    file.write_text(json.dumps({"sequences": sequences, "steps": steps}))
    out = tmp_path / "out"
    message = small.error("logits", "--schedule", file, "-o", out)
    assert words in message and not out.exists()
