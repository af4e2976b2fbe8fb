"""perplexity and score against the oracle and against transformers."""

import json
import math
from collections import namedtuple

import numpy as np
import pytest

from test.compiled_model import ids_text
from test.e2e.bars import ids_of
from test.e2e.errors import BF16_FACTOR, F32_BAR
from test.reference import goldens
from test.reference.oracle import Oracle
from test.runtime import scoring

Pair = namedtuple("Pair", "context continuation")


def score(model, lines, *options):
    text = "".join(json.dumps(line) + "\n" for line in lines)
    out = model.run("score", *options, input=text.encode())
    return [json.loads(line) for line in out.splitlines()]


def as_lines(pairs):
    return [{"id": i, "context_tokens": p.context,
             "continuation_tokens": p.continuation}
            for i, p in enumerate(pairs)]


def pairs_of(vector):
    """Contexts with several continuations each, over a page and under."""
    pairs = []
    for seed, length in enumerate([1, 7, 30, 70]):
        context = ids_of(vector, seed, length)
        for j, count in enumerate([1, 1, 4, 9]):
            pairs.append(Pair(context, ids_of(vector, 100 * seed + j, count)))
    return pairs


def check_f32(model, logits_of, bar):
    """By the bar on logits: a log-probability moves by no more than twice as
    much as the logits of its position."""
    pairs = pairs_of("scoring")
    for pair, got in zip(pairs, score(model, as_lines(pairs))):
        start = len(pair.context)
        logits = np.float64(logits_of(pair.context + pair.continuation))
        values, _ = scoring.token_scores(
            lambda ids: logits[:len(ids)], pair.context + pair.continuation,
            start)
        error = 2 * bar * np.linalg.norm(logits[start - 1:-1], axis=-1).sum()
        assert got["log_likelihood"] == pytest.approx(values.sum(), abs=error)
        assert got["tokens"] == len(pair.continuation)
    text = ids_of("perplexity", 1, 90)
    for window, stride in [(90, 45), (40, 20)]:
        mean, scored = scoring.perplexity(logits_of, text, window, stride)
        got = model.json("perplexity", "--tokens", ids_text(text),
                         "--window", window, "--stride", stride)
        scale = np.linalg.norm(np.float64(logits_of(text)), axis=-1).max()
        assert got["negative_log_likelihood"] == pytest.approx(
            mean, abs=2 * bar * scale)
        assert got["scored_tokens"] == scored


def test_f32_scores_are_the_oracle_s(compiled):
    model = compiled.vector("T2")
    check_f32(model, Oracle(model.checkpoint).logits, F32_BAR)


@pytest.mark.reference
def test_f32_scores_are_transformers(compiled):
    model = compiled.vector("T2")
    # Both are within the bar of f64.
    check_f32(model, transformers_logits(model.checkpoint, "float32"),
              2 * F32_BAR)


def transformers_logits(folder, dtype):
    """A function of ids: f32 [tokens, vocab]."""
    import torch
    import transformers
    model = transformers.DeepseekV2ForCausalLM.from_pretrained(
        folder, dtype=getattr(torch, dtype), attn_implementation="eager",
        experts_implementation="eager")

    def logits_of(ids):
        with torch.no_grad():
            return model(torch.tensor([ids])).logits[0].float().numpy()
    return logits_of


def tiny_texts(tiny_model, count):
    records = [json.loads(line) for line in (tiny_model / "eval.jsonl").open()]
    return records[::len(records) // count][:count]


def bf16_errors(tiny, tiny_model, coarse, exact, texts):
    """Errors of log-likelihoods against f64, a token: of the compiled file, and
    of what `coarse` gives."""
    lines = [{"context": r["prompt"], "continuation": r["answer"]}
             for r in texts]
    ours, others = [], []
    for record, got in zip(texts, score(tiny, lines)):
        encode = lambda text: [int(i) for i in tiny.run(
            "tokenize", "--text", text).split(",")]
        start = len(encode(record["prompt"]))
        ids = encode(record["prompt"] + record["answer"])
        assert got["tokens"] == len(ids) - start
        want, _ = scoring.token_scores(exact, ids, start)
        other, _ = scoring.token_scores(coarse, ids, start)
        # Sure answers cost next to nothing; their errors say little.
        ours.append(abs(got["log_likelihood"] - want.sum()) / got["tokens"])
        others.append(abs(other.sum() - want.sum()) / got["tokens"])
    return np.array(ours), np.array(others)


def check_bf16(tiny, tiny_model, coarse, count):
    ours, others = bf16_errors(tiny, tiny_model, coarse,
                               Oracle(tiny_model).logits,
                               tiny_texts(tiny_model, count))
    assert np.median(ours) <= BF16_FACTOR * np.median(others)
    assert ours.mean() <= 2 * others.mean()


def test_bf16_scores_are_as_good_as_the_released_rounding(tiny, tiny_model):
    oracle = Oracle(tiny_model)
    check_bf16(tiny, tiny_model, lambda ids: oracle.logits(ids, "model"), 18)


@pytest.mark.reference
def test_bf16_scores_are_as_good_as_transformers(tiny, tiny_model):
    check_bf16(tiny, tiny_model, transformers_logits(tiny_model, "bfloat16"),
               18)


@pytest.mark.reference
def test_bf16_perplexity_is_transformers(tiny, tiny_model):
    text = "\n".join(r["prompt"] + r["answer"]
                     for r in tiny_texts(tiny_model, 12))
    ids = [int(i) for i in tiny.run("tokenize", "--text", text).split(",")]
    got = tiny.json("perplexity", "--text", text, "--window", 256,
                    "--stride", 128)
    reference, scored = scoring.perplexity(
        transformers_logits(tiny_model, "bfloat16"), ids, 256, 128)
    exact, _ = scoring.perplexity(
        transformers_logits(tiny_model, "float32"), ids, 256, 128)
    assert got["scored_tokens"] == scored == len(ids) - 1
    assert got["bits_per_byte"] == pytest.approx(
        got["negative_log_likelihood"] * scored / math.log(2)
        / len(text.encode()), rel=1e-9)
    # The mean over so many tokens hides the rounding of each.
    assert got["negative_log_likelihood"] == pytest.approx(exact, rel=5e-3)
    assert reference == pytest.approx(exact, rel=5e-3)


@pytest.mark.parametrize("dtype", ["f32", "bf16"])
def test_company_changes_nothing(compiled, dtype):
    """All together, one after the other, and in another order: the same bits."""
    model = compiled.vector("T2", 1, dtype)
    lines = as_lines(pairs_of("company"))
    together = score(model, lines)
    assert score(model, lines, "--max-batch", 1) == together
    assert score(model, lines[::-1]) == together[::-1]
    assert [score(model, [line])[0] for line in lines[::5]] == together[::5]


def test_texts_are_split_as_lm_eval_splits_them(tiny):
    """Tokens that reach over the end of a context, white space there, nothing
    before the text; the tokens by the definition in scoring.py."""
    bos = 548
    encode = lambda text, special: [int(i) for i in tiny.run(
        "tokenize", "--text", text,
        *([] if special else ["--no-bos"])).split(",") if i.strip()]
    texts = [("three plus four is", " seven"), ("three plus four is ", "seven"),
             ("three plus fou", "r is seven"), ("\n\n", "three"), ("", "three plus"),
             ("is five more than four?\u3000\t", " yes")]
    pairs = [Pair(*scoring.encode_pair(encode, bos, *text)) for text in texts]
    want = score(tiny, [{"context_tokens": p.context,
                         "continuation_tokens": p.continuation}
                        for p in pairs])
    got = score(tiny, [{"context": a, "continuation": b} for a, b in texts])
    assert got == want
    assert got[0] == got[1] and got[0]["is_greedy"]
