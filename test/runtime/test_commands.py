"""The commands of a compiled file, on ids and on text."""

import json

import numpy as np
import pytest

from test.reference import safetensors_io

GREEDY = ("--temperature", 0)


def logits(fake, tmp_path, *arguments):
    out = tmp_path / "l.safetensors"
    assert fake.ok("logits", *arguments, "-o", out) == ""
    return safetensors_io.read(out)


def ids_of(count, seed=1):
    return [int(i) for i in np.random.default_rng(seed).integers(0, 256, count)]


def listed(ids):
    return ",".join(map(str, ids))


def test_generate_follows_the_logits(bare, tmp_path):
    ids = ids_of(70)
    result = bare.json("generate", "--tokens", listed(ids), "-n", 30, *GREEDY)
    assert result["prompt_tokens"] == 70
    assert result["text"] is None
    new = result["tokens"]
    _, values = logits(bare, tmp_path, "--tokens",
                       listed(ids + new))["logits"]
    assert values.shape == (70 + len(new), 300)
    best = values.argmax(-1)[69:]
    assert list(best[:len(new)]) == new
    if result["finish_reason"] == "stop":
        assert best[len(new)] == 257
    else:
        assert len(new) == 30


def test_generate_without_tokenizer_prints_ids(bare):
    new = bare.json("generate", "--tokens", "1,2,3", "-n", 5)["tokens"]
    assert bare.ok("generate", "--tokens", "1,2,3", "-n", 5) == listed(new) + "\n"


def test_chunks_threads_and_schedules_are_bitwise_equal(bare, tmp_path):
    a, b = ids_of(100, 1), ids_of(9, 2)
    _, whole = logits(bare, tmp_path, "--tokens", listed(a))["logits"]
    for options in (["--chunk", 1], ["--chunk", 7], ["--threads", 5]):
        _, again = logits(bare, tmp_path, "--tokens", listed(a),
                          *options)["logits"]
        assert np.array_equal(whole, again)
    steps = [[[0, 20]], [[1, 4], [0, 10]], *[[[1, 1], [0, 14]]] * 5]
    schedule = tmp_path / "schedule.json"
    schedule.write_text(json.dumps({"sequences": [a, b], "steps": steps}))
    mixed = logits(bare, tmp_path, "--schedule", schedule)
    assert np.array_equal(mixed["logits.0"][1], whole)
    _, alone = logits(bare, tmp_path, "--tokens", listed(b))["logits"]
    assert np.array_equal(mixed["logits.1"][1], alone)


def test_text_in_and_out(chat, tmp_path):
    text = "Grüße, 世界 🙂"
    ids = list(text.encode())
    assert chat.ok("tokenize", "--text", text) == listed([256] + ids) + "\n"
    assert chat.ok("tokenize", "--text", text, "--no-bos") == listed(ids) + "\n"
    file = tmp_path / "text"
    file.write_bytes(text.encode())
    assert chat.ok("tokenize", "--file", file, "--no-bos") == listed(ids) + "\n"
    assert chat.ok("detokenize", "--tokens", listed(ids)) == text
    assert chat.ok("detokenize", "--tokens", "240,159") == "\ufffd"
    one = chat.json("generate", "--prompt", text, "-n", 20, *GREEDY)
    assert one["prompt_tokens"] == 1 + len(ids)
    two = chat.json("generate", "--prompt-file", file, "-n", 20, *GREEDY)
    assert one["tokens"] == two["tokens"]
    assert bytes(one["tokens"]).decode() == one["text"]
    assert chat.ok("generate", "--prompt", text, "-n", 20, *GREEDY) \
        == one["text"] + "\n"


def test_stop_strings(chat):
    whole = chat.json("generate", "--prompt", "a", "-n", 12, *GREEDY)
    stop = whole["text"][4:6]
    cut = chat.json("generate", "--prompt", "a", "-n", 12, *GREEDY,
                    "--stop", "nothing", "--stop", stop)
    assert cut["finish_reason"] == "stop"
    assert cut["text"] == whole["text"].split(stop)[0]


def test_eos_ends_a_text(bare):
    for first in range(200):
        result = bare.json("generate", "--tokens", first, "-n", 300, *GREEDY)
        if result["finish_reason"] == "stop":
            assert 257 not in result["tokens"] and len(result["tokens"]) < 300
            return
        assert len(result["tokens"]) == 300
    raise AssertionError("no prompt met eos")


def test_sampling_defaults_and_seeds(chat, bare):
    def tokens(fake, *options):
        return fake.json("generate", "--tokens", "1,2", "-n", 16,
                         *options)["tokens"]
    greedy = tokens(bare)
    assert tokens(chat, *GREEDY) == greedy
    assert tokens(chat) == tokens(chat, "--seed", 0) != greedy
    assert tokens(chat) != tokens(chat, "--seed", 1)
    assert tokens(chat) == tokens(bare, "--temperature", 1.5, "--top-k", 40,
                                  "--top-p", 0.95)
    assert tokens(bare, "--top-k", 1, "--temperature", 9) == greedy
    assert tokens(bare, "--top-p", 0.9) != greedy


def test_a_full_context_ends_a_text(bare):
    ids = ids_of(990)
    for first in range(20):
        ids[0] = first
        result = bare.json("generate", "--tokens", listed(ids), "-n", 300)
        if result["finish_reason"] == "length":
            assert len(result["tokens"]) == 11  # the last one is not cached
            return
    raise AssertionError("every text met eos")


def test_info(chat):
    info = chat.json("info")
    assert info["model"] == "fake" and info["variant"] == "x86-64-v3"
    assert info["memory"]["cache_per_token"] == 2 * 16 * 4
    assert {"weights", "manifest.json", "tokenizer.json"} <= {
        s["name"] for s in info["sections"]}
    text = chat.ok("info")
    assert "fake" in text and info["hash"] in text


def test_bench(bare):
    result = bare.json("bench", "--prompt", "8,40", "--gen", 3, "--depth",
                       "0,100", "--batch", "1,3", "--threads", "1,2",
                       "--rounds", 1)
    assert set(result["probe"]["read_gbps"]) == {"1", "2"}
    assert result["probe"]["peak_gflops"]["f32"]["1"] > 0
    assert len(result["results"]) == 2 * 2 * (2 + 2)
    keys = {"kind", "tokens", "depth", "batch", "threads", "tokens_per_s",
            "bytes", "flops", "of_bandwidth", "of_peak"}
    for entry in result["results"]:
        assert set(entry) == keys
        assert entry["tokens_per_s"] > 0
    decode = [e for e in result["results"]
              if e["kind"] == "decode" and e["batch"] == 3 and e["depth"] == 100]
    # Three steps over 128 bytes of weights and 3 × 101, 102, 103 cached tokens.
    assert decode[0]["bytes"] == 3 * 128 + 3 * (101 + 102 + 103) * 128
    assert "prefill" in bare.ok("bench", "--gen", 0, "--prompt", 8,
                                "--rounds", 1)


@pytest.mark.parametrize("mode", ["external", "random"])
def test_weights_outside_the_file(make_fake, bare, mode):
    fake = make_fake(mode, f"mode={mode}", f"padding={5 << 20}")
    run = ("generate", "--tokens", "5,6,7", "-n", 8)
    assert fake.ok(*run) == bare.ok(*run)
    assert fake.ok("verify") == "ok\n"
