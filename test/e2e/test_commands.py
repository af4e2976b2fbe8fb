"""The commands of the compiled bundled model, in their exact output forms."""

import os
import subprocess

import pytest

from test.compiled_model import ids_text
from test.reference import safetensors_io

PROMPT = ("--prompt", "three plus four is")
GREEDY = ("--temperature", "0")
# So hot that single bytes of characters come out.
WILD = ("--tokens", "548", "--temperature", "1000", "--top-p", "1")


def test_generate_json(tiny):
    got = tiny.generate(*PROMPT, *GREEDY)
    assert list(got) == ["prompt_tokens", "tokens", "text", "finish_reason",
                         "timing", "memory"]
    ids = tiny.run("tokenize", "--text", PROMPT[1])
    assert got["prompt_tokens"] == len(ids.split(","))
    assert got["finish_reason"] == "stop"
    assert tiny.run("detokenize", "--tokens", ids_text(got["tokens"])) \
        == got["text"]
    assert all(value >= 0 for value in got["timing"].values())
    short = tiny.generate(*PROMPT, *GREEDY, "-n", 1)
    assert short["tokens"] == got["tokens"][:1]
    assert short["finish_reason"] == "length"
    none = tiny.generate(*PROMPT, "-n", 0)
    assert none["tokens"] == [] and none["text"] == ""
    assert none["finish_reason"] == "length"


def test_generate_follows_the_logits(tiny):
    got = tiny.generate(*PROMPT, *GREEDY)
    ids = [int(i) for i in
           tiny.run("tokenize", "--text", PROMPT[1]).split(",")]
    best = tiny.logits(ids + got["tokens"]).argmax(-1)[len(ids) - 1:]
    assert best[:-1].tolist() == got["tokens"]
    assert best[-1] == 549  # eos


def test_prompts_from_everywhere_are_one(tiny, tmp_path):
    file = tmp_path / "prompt"
    file.write_text(PROMPT[1])
    ids = tiny.run("tokenize", "--file", file).strip()
    want = tiny.run("generate", *PROMPT, *GREEDY)
    assert tiny.run("generate", "--prompt-file", file, *GREEDY) == want
    assert tiny.run("generate", "--tokens", ids, *GREEDY) == want


@pytest.mark.parametrize("text", [
    "", " ", "seven", "Grüße, 世界 🙂\r\n\u2029", "12345 plus 6 is", "\x00\x7f",
    "<｜end▁of▁sentence｜>", "a" * 3000])
def test_text_survives(tiny, text, tmp_path):
    file = tmp_path / "text"
    file.write_bytes(text.encode())
    ids = tiny.run("tokenize", "--file", file, "--no-bos")
    assert ids.endswith("\n") and ids.count("\n") == 1
    back = tiny.execute("detokenize", "--tokens", ids.strip())
    assert back.returncode == 0 and back.stdout.decode() == text
    with_bos = tiny.run("tokenize", "--file", file)
    assert with_bos.strip() == ",".join(filter(None, ["548", ids.strip()]))


def pieces_of(tiny, *options):
    """What each read of stdout gets while text is generated."""
    process = subprocess.Popen(
        [str(c) for c in (tiny.path, "generate", *options)],
        stdout=subprocess.PIPE)
    pieces = []
    while piece := os.read(process.stdout.fileno(), 1 << 16):
        pieces.append(piece)
    assert process.wait(60) == 0
    return pieces


def test_streaming_splits_no_character(tiny):
    seen = ""
    for seed in range(6):
        options = (*WILD, "-n", 500, "--seed", seed)
        pieces = pieces_of(tiny, *options)
        text = "".join(piece.decode() for piece in pieces)
        assert text == tiny.generate(*options)["text"] + "\n"
        assert len(pieces) > len(text) / 200, "the text comes at its end"
        seen += text
    found = {len(c.encode()) for c in seen if c != "\ufffd"}
    assert {1, 2} <= found and "\ufffd" in seen, "the test is too tame"


def test_stop_texts(tiny):
    whole = tiny.generate(*PROMPT, *GREEDY)["text"]
    for stop in ("seven", "eve", whole[0]):
        got = tiny.generate(*PROMPT, *GREEDY, "--stop", stop)
        assert got["text"] == whole[:whole.index(stop)]
        assert got["finish_reason"] == "stop"
        assert "".join(p.decode() for p in
                       pieces_of(tiny, *PROMPT, *GREEDY, "--stop", stop)) \
            == got["text"] + "\n"
    got = tiny.generate(*PROMPT, *GREEDY, "--stop", "absent", "--stop", "ven")
    assert got["text"] == whole[:whole.index("ven")]
    got = tiny.generate(*PROMPT, *GREEDY, "--stop", "absent")
    assert got["text"] == whole


def test_seeds(tiny):
    def tokens(*options):
        return tiny.generate("--tokens", "548", "-n", 24, "--temperature", "2",
                             "--top-p", "1", *options)["tokens"]
    default = tokens()
    assert tokens("--seed", 0) == default
    drawn = [tuple(tokens("--seed", seed)) for seed in range(1, 6)]
    assert len({tuple(default), *drawn}) == 6
    for threads in (1, 2, 5):
        assert tuple(tokens("--seed", 3, "--threads", threads)) == drawn[2]
    assert tuple(tokens("--seed", 2**64 - 1)) not in drawn


def test_sampling_defaults_of_the_model(tiny):
    """generation_config.json: temperature 0.3, top_p 0.95."""
    def tokens(*options):
        return tiny.generate("--tokens", "548", "-n", 24, "--seed", 5,
                             *options)["tokens"]
    assert tokens() == tokens("--temperature", 0.3, "--top-p", 0.95)
    assert tokens("--top-k", 1) == tokens("--temperature", 0)
    assert tokens("--temperature", 5) != tokens()


def test_logits(tiny, tmp_path):
    out = tmp_path / "logits.safetensors"
    assert tiny.run("logits", "--text", PROMPT[1], "-o", out) == ""
    found = safetensors_io.read(out)
    assert list(found) == ["logits"] and found["logits"][0] == "F32"
    ids = tiny.run("tokenize", "--text", PROMPT[1]).strip()
    assert found["logits"][1].shape == (len(ids.split(",")), 576)
    other = tmp_path / "other"
    tiny.run("logits", "--tokens", ids, "-o", other)
    assert other.read_bytes() == out.read_bytes()


def test_info(tiny, tiny_model):
    info = tiny.json("info")
    assert info["model"] == "deepseek_v2" and info["dtype"] == "bf16"
    assert info["numerics"] == "fast"
    assert info["bos"] == 548 and info["eos"] == [549]
    assert info["vocabulary"] == 576 and info["max_context"] == 163840
    assert info["max_batch"] == 64 and info["max_step_tokens"] == 512
    assert info["dimensions"]["hidden_size"] == 128
    memory = info["memory"]
    assert memory["cache_per_token"] == 4 * (64 + 16) * 2
    assert memory["cache_page"] == 64 * memory["cache_per_token"]
    stored = (tiny_model / "model.safetensors").stat().st_size
    assert 0.9 * stored < memory["weights"] < 1.5 * stored
    assert memory["arena"] > 0
    sections = {s["name"]: s["bytes"] for s in info["sections"]}
    assert {"weights", "weights.json", "manifest.json", "tokenizer.json",
            "tokenizer_config.json", "generation_config.json"} <= set(sections)
    assert sections["weights"] == memory["weights"]
    assert len(info["hash"]) >= 16
    text = tiny.run("info")
    assert "deepseek_v2" in text and info["hash"] in text
    assert tiny.run("verify") == "ok\n"


def test_bench(tiny):
    got = tiny.json("bench", "--prompt", "8,64", "--gen", 4, "--depth", "0,128",
                    "--batch", "1,2", "--threads", "1,2", "--rounds", 1)
    assert set(got["probe"]["read_gbps"]) == {"1", "2"}
    assert set(got["probe"]["peak_gflops"]) >= {"f32"}
    assert len(got["results"]) == 2 * 2 * (2 + 2)
    for entry in got["results"]:
        assert list(entry) == ["kind", "tokens", "depth", "batch", "threads",
                               "tokens_per_s", "bytes", "flops",
                               "of_bandwidth", "of_peak"]
        assert entry["kind"] in ("prefill", "decode")
        assert entry["tokens_per_s"] > 0


def test_limits_are_explained(tiny):
    message = tiny.error("generate", "--tokens", "1,2,3", "--context", 163841)
    assert "163840" in message and "163841" in message
    message = tiny.error("generate", "--tokens", "1", "--context", 100000,
                         "--cache-memory", "1M")
    assert "1.0 MiB" in message
    assert "576" in tiny.error("generate", "--tokens", "576")
