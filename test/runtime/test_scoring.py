"""The commands perplexity and score against their definitions, on logits that
the command logits writes."""

import functools
import json

import numpy as np
import pytest

from test.reference import safetensors_io
from test.runtime import scoring

BOS = 256
CONTEXT = 1000  # of the fake


def ids_of(count, seed=1):
    return [int(i) for i in np.random.default_rng(seed).integers(32, 127, count)]


def listed(ids):
    return ",".join(map(str, ids))


@pytest.fixture(scope="module")
def logits_of(bare, tmp_path_factory):
    out = tmp_path_factory.mktemp("logits") / "l.safetensors"

    @functools.cache
    def compute(ids):
        bare.ok("logits", "--tokens", listed(ids), "-o", out)
        return safetensors_io.read(out)["logits"][1]
    return lambda ids: compute(tuple(ids))


def score(fake, lines, *options):
    text = "".join(json.dumps(line) + "\n" for line in lines)
    out = fake.ok("score", *options, input=text.encode())
    return [json.loads(line) for line in out.splitlines()]


def expected(logits_of, context, continuation):
    values, best = scoring.token_scores(logits_of, context + continuation,
                                        len(context))
    return {"log_likelihood": pytest.approx(values.sum(), rel=1e-12),
            "is_greedy": bool(best.all()), "tokens": len(continuation)}


@pytest.mark.parametrize("length, window, stride", [
    (2, 2, 1), (50, 50, 25), (50, 200, 100), (90, 40, 20), (91, 40, 40),
    (90, 33, 7), (60, 2, 2), (60, 2, 1)])
def test_perplexity(bare, logits_of, length, window, stride):
    ids = ids_of(length)
    got = bare.json("perplexity", "--tokens", listed(ids), "--window", window,
                    "--stride", stride)
    mean, scored = scoring.perplexity(logits_of, ids, window, stride)
    assert got["tokens"] == length and got["scored_tokens"] == scored
    assert got["negative_log_likelihood"] == pytest.approx(mean, rel=1e-12)
    assert got["perplexity"] == pytest.approx(np.exp(mean), rel=1e-12)
    assert got["bits_per_byte"] is None
    assert (got["window"], got["stride"]) == (window, stride)
    assert got["timing"]["tokens_per_second"] > 0
    assert got["timing"]["computed_tokens"] >= scored


def test_perplexity_of_a_text(chat, logits_of, tmp_path):
    file = tmp_path / "text"
    text = "Grüße, 世界 🙂" * 20
    file.write_text(text)
    ids = [BOS, *text.encode()]
    mean, scored = scoring.perplexity(logits_of, ids, CONTEXT, CONTEXT // 2)
    whole = chat.json("perplexity", "--file", file)
    assert whole["scored_tokens"] == scored == len(text.encode())
    assert whole["window"] == CONTEXT and whole["stride"] == CONTEXT // 2
    assert whole["negative_log_likelihood"] == pytest.approx(mean, rel=1e-12)
    assert whole["bits_per_byte"] == pytest.approx(mean / np.log(2), rel=1e-12)
    # Without bos the first byte is not scored, and not counted.
    bare_mean, _ = scoring.perplexity(logits_of, ids[1:], CONTEXT, CONTEXT)
    without = chat.json("perplexity", "--text", text, "--no-bos")
    assert without["scored_tokens"] == scored - 1
    assert without["bits_per_byte"] == pytest.approx(bare_mean / np.log(2),
                                                     rel=1e-12)
    table = chat.ok("perplexity", "--file", file)
    assert f"perplexity    {np.exp(mean):.6g}\n" in table and f"{scored} scored" in table


def test_perplexity_runs_windows_side_by_side(bare):
    """Four windows at once are as each alone, and no slower in steps."""
    ids = listed(ids_of(300))
    options = ("--tokens", ids, "--window", 8, "--stride", 8)
    both = [bare.json("perplexity", *options, "--max-batch", n)
            for n in (4, 1)]
    assert (both[0]["negative_log_likelihood"]
            == both[1]["negative_log_likelihood"])
    assert [b["memory"]["plan"]["texts"] for b in both] == [4, 1]


@pytest.mark.parametrize("options, message", [
    (("--tokens", "5"), "perplexity needs at least two tokens, got 1"),
    (("--text", "", "--no-bos"), "perplexity needs at least two tokens, got 0"),
    (("--tokens", "5,6", "--context", 1),
     "perplexity needs a context of at least two tokens, got 1"),
    (("--tokens", "5,6", "--window", 1001),
     "--window: expected at most the context of 1000 tokens, got 1001"),
    (("--tokens", "5,6", "--window", 20, "--context", 10),
     "--window: expected at most the context of 10 tokens, got 20"),
    (("--tokens", "5,6", "--window", 20, "--stride", 21),
     "--stride: expected at most the window of 20 tokens, got 21"),
    (("--tokens", "5,300"), "--tokens: 300 is outside the vocabulary of 300"),
    (("--file", "/nowhere"), "/nowhere: cannot open: No such file or directory"),
])
def test_perplexity_refuses(chat, options, message):
    assert chat.error("perplexity", *options) == f"chat: {message}\n"


@pytest.mark.parametrize("options", [(), ("--window", 1, "--tokens", "1,2"),
                                     ("--stride", 0, "--tokens", "1,2"),
                                     ("--text", "a", "--tokens", "1,2")])
def test_perplexity_command_line(bare, options):
    bare.error("perplexity", *options, status=(2,))


def test_score_of_tokens(bare, logits_of):
    pairs = [(ids_of(n, n), ids_of(m, m + 100))
             for n, m in [(1, 1), (5, 1), (1, 5), (63, 2), (64, 64), (65, 3),
                          (200, 33), (3, 300), (12, 7)]]
    # A continuation that greedy decoding would give.
    context = ids_of(20, 77)
    greedy = []
    for _ in range(5):
        greedy.append(int(logits_of(context + greedy)[-1].argmax()))
    pairs += [(context, greedy), (context, greedy[:4] + [40])]
    lines = [{"id": i, "context_tokens": a, "continuation_tokens": b}
             for i, (a, b) in enumerate(pairs)]
    got = score(bare, lines)
    assert got == [{"id": i, **expected(logits_of, a, b)}
                   for i, (a, b) in enumerate(pairs)]
    assert [line["is_greedy"] for line in got[-2:]] == [True, False]
    assert score(bare, lines, "--max-batch", 1) == got
    assert score(bare, lines[::-1]) == got[::-1]
    assert [score(bare, [line])[0] for line in lines] == got


def test_score_of_texts(chat, logits_of):
    encode = lambda text, special: [BOS] * special + list(text.encode())
    pairs = [("ab", "cd"), ("ab ", "cd"), ("ab \n\u3000", "cd"), (" ", "cd"),
             ("", "cd"), ("", "<bos>x"), ("<bos>ab", " cd"), ("é\x1f", "è"),
             ("a\u200b", "b"), ("q", " "), ("long " * 60, "x")]
    want = []
    for context, continuation in pairs:
        before, after = scoring.encode_pair(
            lambda text, special: (
                [BOS, *text[5:].encode()] if text.startswith("<bos>")
                else encode(text, special)), BOS, context, continuation)
        want.append(expected(logits_of, before, after))
    got = score(chat, [{"context": a, "continuation": b} for a, b in pairs])
    assert got == want
    # Without bos there is still something before a first token.
    assert score(chat, [{"context": "", "continuation": "cd"},
                        {"context": " ", "continuation": "cd"},
                        {"context": "ab", "continuation": "cd"}],
                 "--no-bos") == [
        expected(logits_of, [BOS], list(b"cd")),
        expected(logits_of, [BOS], list(b" cd")),
        expected(logits_of, list(b"ab"), list(b"cd"))]


@pytest.mark.parametrize("length", [0, 1, 19, 20, 21, 39, 40, 41, 95])
def test_rolling_score(bare, chat, logits_of, length):
    ids = ids_of(length)
    windows = list(scoring.rolling_windows(ids, BOS, 20))
    parts = [expected(logits_of, a, b) for a, b in windows]
    [got] = score(bare, [{"text_tokens": ids}], "--context", 20)
    assert got["tokens"] == length == sum(p["tokens"] for p in parts)
    assert got["log_likelihood"] == pytest.approx(
        sum(p["log_likelihood"].expected for p in parts), rel=1e-12)
    assert got["is_greedy"] == all(p["is_greedy"] for p in parts)
    # bos of a text is scored after bos, as lm-evaluation-harness does.
    text = bytes(ids).decode()
    [whole] = score(chat, [{"text": text}])
    assert whole == expected(logits_of, [BOS], [BOS, *ids])
    [whole] = score(chat, [{"text": text}], "--no-bos")
    assert whole["tokens"] == length


def test_choices_share_what_is_computed(bare, logits_of):
    """Answers to one question, among them such as begin another, in an order
    that does not help."""
    questions = [ids_of(150, 1), ids_of(150, 1)[:100] + ids_of(50, 2)]
    answers = [[40], [41], [42], [40, 50], [40, 50, 60], [40, 50, 61]]
    lines = [{"context_tokens": q, "continuation_tokens": a}
             for a in answers for q in questions]
    assert score(bare, lines) == [expected(logits_of, q, a)
                                  for a in answers for q in questions]


def test_many_requests_in_little_cache(bare, logits_of):
    pairs = [(ids_of(30 + 7 * i, i), ids_of(1 + i % 5, i + 50))
             for i in range(60)]
    lines = [{"context_tokens": a, "continuation_tokens": b} for a, b in pairs]
    assert score(bare, lines) == [expected(logits_of, a, b) for a, b in pairs]


def test_too_long_requests(bare, logits_of):
    ids = ids_of(40)
    lines = [{"id": "a", "context_tokens": ids[:20], "continuation_tokens": [50]},
             {"id": "b", "context_tokens": ids, "continuation_tokens": [50, 51]},
             {"id": "c", "context_tokens": [40], "continuation_tokens": ids[:21]},
             {"id": "d", "context_tokens": [40], "continuation_tokens": [50]}]
    text = "".join(json.dumps(line) + "\n" for line in lines).encode()
    result = bare.run("score", "--context", 20, input=text)
    assert result.returncode == 1
    assert result.stderr == (b"bare: 2 of 4 requests are too long for the "
                             b"context, as their lines say; see --truncate\n")
    got = [json.loads(line) for line in result.stdout.splitlines()]
    fits = {"id": "a", **expected(logits_of, ids[:20], [50])}
    last = {"id": "d", **expected(logits_of, [40], [50])}
    assert got[0] == fits and got[3] == last
    assert got[1] == {"id": "b", "error": (
        "42 tokens, of which 2 are scored, are more than the context of 20 "
        "and one")}
    assert list(got[2]) == ["id", "error"]
    result = bare.run("score", "--context", 20, "--truncate", input=text)
    assert result.returncode == 1 and b"1 of 4 requests" in result.stderr
    got = [json.loads(line) for line in result.stdout.splitlines()]
    assert got[0] == fits and got[3] == last and "error" in got[2]
    assert got[1] == {"id": "b", **expected(logits_of, ids[21:], [50, 51]),
                      "truncated": 21}


def test_nothing_to_score(bare):
    assert score(bare, []) == []
    assert bare.ok("score", input=b"\n \r\n") == ""


@pytest.mark.parametrize("line, message", [
    ('{"context": "a"', ":3:16: "),
    ("[]", "expected an object, got an array"),
    ("{}", "expected either context and continuation, or context_tokens and "
           "continuation_tokens, or text, or text_tokens"),
    ('{"context": "a", "continuation": "b", "text": "c"}', "expected either"),
    ('{"contex": "a", "continuation": "b"}',
     'unknown field "contex", expected some of context, continuation, '
     "context_tokens, continuation_tokens, text, text_tokens, id"),
    ('{"context": "a"}', "continuation: missing, expected a string"),
    ('{"continuation": "a"}', "context: missing, expected a string"),
    ('{"context": 5, "continuation": "b"}', "context: expected a string, got 5"),
    ('{"context": null, "continuation": "b"}', "context: expected a string"),
    ('{"context": "a", "continuation": ""}',
     'continuation: expected at least one token after the context, got ""'),
    ('{"context": "", "continuation": "<bos>"}',
     "continuation: expected at least one token after the context"),
    ('{"context_tokens": [1], "continuation_tokens": []}',
     "continuation_tokens: expected at least one token after the context"),
    ('{"context_tokens": [1], "continuation_tokens": [2, 300]}',
     "continuation_tokens[1]: expected an integer from 0 to 299, got 300"),
    ('{"context_tokens": [-1], "continuation_tokens": [2]}',
     "context_tokens[0]: expected an integer from 0 to 299, got -1"),
    ('{"context_tokens": [1.5], "continuation_tokens": [2]}',
     "context_tokens[0]: expected an integer"),
    ('{"context_tokens": {}, "continuation_tokens": [2]}',
     "context_tokens: expected an array"),
    ('{"text": ["a"]}', "text: expected a string"),
    ('{"text_tokens": "a"}', "text_tokens: expected an array"),
    ('{"id": 1.5, "text": "a"}', "id: expected a string or an integer, got 1.5"),
    ('{"id": [], "text": "a"}', "id: expected a string or an integer, got an array"),
    ('{"text": "\\ud800"}', "surrogate"),
    ("[" * 100000, "")])
def test_malformed_lines(chat, tmp_path, line, message):
    good = '{"context": "a", "continuation": "b"}'
    file = tmp_path / "requests.jsonl"
    file.write_text(f"{good}\n\n{line}\n{good}\n")
    error = chat.error("score", "--file", file)
    assert error.startswith(f"chat: {file}:3:") and message in error
    # Nothing has been computed or written before.
    assert chat.run("score", "--file", file).stdout == b""
    by_pipe = chat.error("score", input=file.read_bytes())
    assert by_pipe == error.replace(str(file), "stdin")


@pytest.fixture(scope="module")
def talkative(make_fake, tokenizer, tmp_path_factory):
    """Its tokenizer knows tokens that the model, of a vocabulary of 300, does
    not."""
    folder = tmp_path_factory.mktemp("talkative")
    data = json.loads(tokenizer.read_text())
    data["added_tokens"] += [
        {**data["added_tokens"][0], "id": i, "content": f"<{i}>"}
        for i in range(258, 400)]
    file, config = folder / "tokenizer.json", folder / "tokenizer_config.json"
    file.write_text(json.dumps(data))
    config.write_text(json.dumps({"bos_token": "<399>"}))
    return (make_fake("talkative", f"tokenizer.json={file}"),
            make_fake("prefixed", f"tokenizer.json={file}",
                      f"tokenizer_config.json={config}"))


def test_tokens_that_the_model_lacks(talkative, tmp_path):
    """The last token of a text is scored and never read by the model."""
    fake, prefixed = talkative
    words = "token 399 is outside the vocabulary of 300"
    for text in ("a<399>", "<399>a"):
        assert fake.error("perplexity", "--text", text).endswith(f": {words}\n")
        for line, field in (({"text": text}, "text"),
                            ({"context": "a", "continuation": text},
                             "continuation")):
            error = fake.error("score", input=json.dumps(line).encode())
            assert error == f"talkative: stdin:1: {field}: {words}\n"
    error = prefixed.error("score", input=b'{"text_tokens": [1]}')
    assert error == f"prefixed: stdin:1: text_tokens: {words}\n"


def test_text_without_a_tokenizer(bare):
    error = bare.error("score", input=b'{"text": "a"}')
    assert "compiled without tokenizer.json" in error
