"""A run takes the memory that its plan says, and a start that does not fit is
refused with the figures."""

import json

import pytest

from test.compiled_model import CompiledModel, run

TOLERANCE = 0.05


def check(memory):
    """The member `memory` of a command's JSON."""
    planned, plan = memory["planned"], memory["plan"]
    assert plan["total"] == planned == sum(
        plan[part] for part in ("private_weights", "cache", "arena", "scratch",
                                "logits", "tables", "tokenizer", "program",
                                "other"))
    assert memory["resident"] == pytest.approx(planned, rel=TOLERANCE), memory
    return plan


@pytest.fixture(scope="module")
def random_tiny(compiled, tiny_model):
    return compiled.folder_of(tiny_model, "--target=native",
                              "--weights=random:1")


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("texts, tokens", [(1, 64), (1, 50000), (6, 30000)])
def test_resident_memory_is_the_plan(tiny, threads, texts, tokens):
    options = ("--threads", threads, "--context", tokens, "--max-batch", texts)
    got = tiny.json("generate", "--tokens", "1,2,3", "-n", 8, *options)
    plan = check(got["memory"])
    assert plan["cache"] == texts * -(-tokens // 64) * 64 * 640
    assert plan["mapped_weights"] > 3 << 20 and plan["private_weights"] == 0
    # Weights are used where they lie in the file.
    assert got["memory"]["resident_file"] > plan["mapped_weights"] / 2
    # The table of `info` is the same plan but for logits, and text to read.
    info = tiny.json("info", *options)["memory"]["plan"]
    for part in ("cache", "arena", "scratch", "program"):
        assert info[part] == plan[part]


def test_text_has_tables_of_its_own(tiny):
    got = tiny.json("generate", "--prompt", "three plus four is", "-n", 8)
    assert check(got["memory"])["tokenizer"] > 1 << 20


def test_random_weights_are_private(random_tiny):
    got = random_tiny.json("generate", "--tokens", "1,2,3", "-n", 8,
                           "--context", 20000)
    plan = check(got["memory"])
    assert plan["private_weights"] > 3 << 20 and plan["mapped_weights"] == 0


def test_bench_counts_its_own_buffer(tiny):
    got = tiny.json("bench", "--prompt", 64, "--gen", 2, "--depth", 20000,
                    "--batch", 2, "--rounds", 1)
    plan = check(got["memory"])
    assert plan["other"] > 0
    # The larger of one prompt and two texts that decode.
    assert plan["cache_pages"] == 2 * -(-20002 // 64)


@pytest.mark.slow
def test_released_width(compile_program, tmp_path):
    """Two layers of V2-Lite: 2 GiB of weights drawn at the start."""
    model = "test/models/configs/v2-lite"
    out = tmp_path / "lite"
    run(compile_program, model, "-o", out, "--weights=random:1", "--layers=2",
        "--target=native")
    got = CompiledModel(out, model).json("generate", "--tokens", "1,2,3", "-n",
                                         4, "--context", 50000)
    assert check(got["memory"])["private_weights"] > 1 << 30


def test_the_table_says_what_fits(tiny):
    memory = tiny.json("info", "--cache-memory", "64M")["memory"]
    page = memory["cache_page"]
    pages = (64 << 20) // page
    assert memory["cache_memory"] == 64 << 20
    assert memory["largest_context"] == [
        {"batch": n, "context": pages // n * 64} for n in (1, 8, 64)]
    assert memory["largest_batch"] == [
        {"batch": pages // (n // 64), "context": n}
        for n in (4096, 32768, 163840)]
    text = tiny.run("info", "--cache-memory", "64M")
    assert f"{pages * 64}  tokens each" in text and "64.0 MiB of cache" in text
    # What the table allows starts, and one page more does not.
    largest = str(pages * 64)
    run_options = ("generate", "--tokens", "1", "-n", 1, "--cache-memory",
                   "64M", "--context")
    tiny.run(*run_options, largest)
    line = tiny.error(*run_options, pages * 64 + 1)
    assert f"--cache-memory allows 64.0 MiB; --context {largest} fits" in line


def test_a_start_that_does_not_fit_is_refused(tiny, compile_program,
                                              tmp_path):
    line = tiny.error("generate", "--tokens", "1", "--context", 163840,
                      "--max-batch", 64, "--cache-memory", "1M")
    assert "64 × 163840 tokens needs 6.2 GiB" in line
    assert "not even 64 tokens of each text fit" in line
    # V2 itself, with weights of random numbers: refused before one is drawn.
    out = tmp_path / "v2"
    model = "test/models/configs/v2"
    run(compile_program, model, "-o", out, "--weights=random:1",
        "--target=native", "--max-step-tokens=64")
    line = CompiledModel(out, model).error("generate", "--tokens", "1")
    assert "random weights 440.1 GiB" in line and "available are" in line
    memory = json.loads(CompiledModel(out, model).run("info", "--json"))["memory"]
    assert memory["plan"]["private_weights"] > 439 << 30
