"""The committed files of the bundled model agree with one another."""

import json

import numpy as np
import pytest

from test.models import tiny_tasks
from test.reference import config as config_reader
from test.reference.oracle import Oracle


def records(folder, name):
    return [json.loads(line) for line in (folder / name).open()]


def test_size(tiny_model):
    assert sum(f.stat().st_size for f in tiny_model.iterdir()) <= 8 << 20


def test_configuration_exercises_the_family(tiny_model):
    c = config_reader.load(tiny_model)
    assert c.q_lora_rank and c.n_shared_experts and c.first_k_dense_replace
    assert c.topk_method == "group_limited_greedy" and c.n_group > c.topk_group
    assert c.rope_scaling["type"] == "yarn"
    assert not c.tie_word_embeddings


def test_evaluation_prompts_are_held_out(tiny_model):
    prompts = records(tiny_model, "eval.jsonl")
    assert len(prompts) >= 100
    for record in prompts:
        last = record["prompt"].split("\n")[-1]
        assert tiny_tasks.is_held_out(record["kind"], last), last
        assert 1 <= record["prompt_tokens"] <= 200


def test_accuracy_of_the_reference(tiny_model):
    prompts = records(tiny_model, "eval.jsonl")
    right = sum(record["correct"] for record in prompts)
    assert right >= 0.95 * len(prompts)
    assert f"{right}/{len(prompts)}" in (tiny_model / "README.md").read_text()


def test_greedy_prompts_span_the_lengths(tiny_model):
    lengths = [len(r["prompt"]) for r in records(tiny_model, "greedy.jsonl")]
    assert len(lengths) >= 60
    assert min(lengths) == 1 and 190 <= max(lengths) <= 200


@pytest.mark.parametrize("part", range(4))
def test_oracle_gives_the_recorded_leads(tiny_model, part):
    """transformers in f32 and the oracle in f64, on the same bf16 weights."""
    oracle = Oracle(tiny_model)
    for record in records(tiny_model, "greedy.jsonl")[part::8]:
        steps = len(record["f32_lead"])
        rows = oracle.logits(record["prompt"] + record["tokens"])
        rows = rows[len(record["prompt"]) - 1:][:steps]
        ranked = np.sort(rows)
        lead = ranked[:, -1] - ranked[:, -2]
        assert lead == pytest.approx(record["f32_lead"], abs=1e-3)
        best = [first for first, _ in record["f32_best_two"]]
        clear = lead > 1e-3
        assert (rows.argmax(-1) == best)[clear].all()
