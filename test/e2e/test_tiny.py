"""The bundled model generates what transformers generates."""

import json

import pytest

from test.compiled_model import ids_text

NEW_TOKENS = 32  # of greedy.jsonl
ANSWER_TOKENS = 48  # of eval.jsonl
DIFFERING = 0.1  # share of prompts that rounding may decide


def records(folder, name):
    return [json.loads(line) for line in (folder / name).open()]


def decided_by_rounding(record, tokens):
    """Whether the first difference is between two candidates that the
    rounding to bf16 can swap: both errors together exceed the lead."""
    pairs = zip(record["tokens"] + [None], tokens + [None])
    step = next(i for i, (a, b) in enumerate(pairs) if a != b)
    return record["f32_lead"][step] <= 2 * record["bf16_error"][step]


def test_greedy_text_equals_transformers(tiny, tiny_model):
    prompts = records(tiny_model, "greedy.jsonl")
    assert len(prompts) >= 50
    differing = []
    for record in prompts:
        got = tiny.generate("--tokens", ids_text(record["prompt"]),
                            "-n", NEW_TOKENS, "--temperature", 0)
        assert got["prompt_tokens"] == len(record["prompt"])
        if got["tokens"] == record["tokens"]:
            assert got["finish_reason"] == record["finish_reason"]
            continue
        assert decided_by_rounding(record, got["tokens"]), \
            f"prompt {record['prompt']}: {got['tokens']}"
        differing.append(record)
    assert len(differing) <= DIFFERING * len(prompts)


def test_accuracy_equals_the_reference(tiny, tiny_model):
    prompts = records(tiny_model, "eval.jsonl")
    assert len(prompts) >= 100
    right = sum(tiny.generate("--prompt", record["prompt"], "-n", ANSWER_TOKENS,
                              "--temperature", 0)["text"] == record["answer"]
                for record in prompts)
    reference = sum(record["correct"] for record in prompts)
    assert abs(right - reference) <= 0.02 * len(prompts)


def test_the_readme_s_sum(tiny):
    got = tiny.generate("--prompt", "three plus four is", "-n", 32,
                        "--temperature", 0)
    assert got["text"].strip() == "seven"
    assert got["finish_reason"] == "stop"


@pytest.mark.reference
def test_transformers_gives_the_recorded_text(tiny_model):
    from test.models.evaluate_tiny import Reference
    reference = Reference(tiny_model)
    for record in records(tiny_model, "greedy.jsonl"):
        new, reason = reference.greedy(record["prompt"], NEW_TOKENS)
        if new == record["tokens"]:
            assert reason == record["finish_reason"]
        else:
            assert decided_by_rounding(record, new)
