"""What a request gives does not depend on its company, bit for bit: given the
form of attention of each token, logits are the same in any step; and a batch
gives the tokens that each request gives alone."""

import numpy as np
import pytest

from test.compiled_model import ids_text
from test.e2e import schedules
from test.reference import goldens

IDS = goldens.token_ids("batches", 200)
SEQUENCES = [IDS[:1], IDS[3:66], IDS[7:71], IDS[11:76], IDS[13:143], IDS[5:14],
             IDS[:200]]
LENGTHS = [len(ids) for ids in SEQUENCES]
# How many of a sequence's tokens are expanded; the others are absorbed.
EXPANDED = {"absorbed": lambda n: 0, "expanded": lambda n: n,
            "both": lambda n: n // 2}


def with_forms(steps, forms):
    """The steps with the form of each token; a part of both forms becomes two,
    the second in a step of its own."""
    done, result = [0] * len(LENGTHS), []
    for step in steps:
        first, second = [], []
        for i, count in step:
            expanded = min(count, max(0, forms(LENGTHS[i]) - done[i]))
            if expanded:
                first.append([i, expanded, False])
            if count > expanded:
                (second if expanded else first).append([i, count - expanded, True])
            done[i] += count
        result += [s for s in (first, second) if s]
    return result


def chunked(size):
    """Each sequence in chunks of `size`, one sequence a step."""
    return [[[i, min(size, n - at)]] for i, n in enumerate(LENGTHS)
            for at in range(0, n, size)]


def assert_steps_bitwise(model, forms):
    def logits(steps):
        return model.schedule(SEQUENCES, with_forms(steps, forms))
    want = logits(schedules.alone(LENGTHS))
    others = {"at once, as far as it goes": schedules.at_once(LENGTHS[:5])
              + [[[5, 9], [6, 200]]],
              "single tokens": chunked(1), "chunks of 7": chunked(7),
              "chunks of 64": chunked(64),
              **{f"mixed {seed}": schedules.mixed(LENGTHS, seed)
                 for seed in range(3)}}
    for name, steps in others.items():
        for i, (got, one) in enumerate(zip(logits(steps), want, strict=True)):
            differing = np.flatnonzero((got.view("u4") != one.view("u4")).any(-1))
            assert differing.size == 0, \
                f"{name}: sequence {i} differs at tokens {differing[:5]}"


# T2: groups and few experts, unsorted steps; T7: odd widths; T8: incomplete
# tiles.
@pytest.mark.parametrize("vector, dtype", [("T2", "f32"), ("T7", "f32"),
                                           ("T8", "f32"), ("T2", "bf16"),
                                           ("T8", "bf16")])
@pytest.mark.parametrize("forms", EXPANDED)
def test_steps_bitwise(compiled, vector, dtype, forms):
    assert_steps_bitwise(compiled.vector(vector, 1, dtype, "--attention=split"),
                         EXPANDED[forms])


@pytest.mark.parametrize("unsorted", [0, 8])
def test_steps_bitwise_sorted_and_unsorted(compiled, unsorted):
    model = compiled.vector("T2", 1, "bf16", "--attention=split",
                            f"--unsorted-tokens={unsorted}")
    assert_steps_bitwise(model, EXPANDED["both"])


def requests_of(vocabulary, count, seed):
    """Mixed lengths, greedy and sampled, and beginnings in common."""
    random = np.random.default_rng(seed)
    stems = random.integers(0, vocabulary, (2, 200)).tolist()
    requests = []
    for i in range(count):
        stem = stems[random.integers(2)][:random.integers(1, 200)]
        own = random.integers(0, vocabulary, random.integers(1, 8)).tolist()
        requests.append({"tokens": (stem + own)[:200], "seed": i,
                         "max_tokens": int(random.integers(1, 130)),
                         "temperature": float(random.choice([0, 0.8, 1.5]))})
    return requests


def alone(model, request):
    return model.generate("--tokens", ids_text(request["tokens"]),
                          "-n", request["max_tokens"], "--seed", request["seed"],
                          "--temperature", request["temperature"])


def assert_batch_is_each_alone(model, seed):
    info = model.json("info")
    requests = requests_of(info["vocabulary"], 16, seed)
    want = [alone(model, request) for request in requests]
    # Six pages hold the longest text and little else: others give way.
    tight = ("--cache-memory", 6 * info["memory"]["cache_page"])
    for options in ((), ("--max-batch", 3), tight, (*tight, "--max-batch", 2)):
        got = model.batch(requests, *options)
        for i, (one, other) in enumerate(zip(got, want, strict=True)):
            assert one["tokens"] == other["tokens"], f"{options}: request {i}"
            assert one["finish_reason"] == other["finish_reason"]


@pytest.mark.parametrize("vector", ["T2", "T7"])
def test_f32_batch_is_each_alone(compiled, vector):
    assert_batch_is_each_alone(compiled.vector(vector, 1, "f32"), 1)


def test_bundled_model_batch_is_each_alone(tiny):
    assert_batch_is_each_alone(tiny, 2)


def test_text_and_conversations(tiny):
    [sum_, chat] = tiny.batch([{"prompt": "three plus four is", "id": "sum"},
                               {"tokens": [1, 2, 3], "max_tokens": 4}],
                              "--temperature", 0)
    assert sum_["id"] == "sum" and sum_["text"].strip() == "seven"
    assert sum_["finish_reason"] == "stop"
    assert chat["id"] == 2 and len(chat["tokens"]) <= 4
