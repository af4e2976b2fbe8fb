"""Variants of the code for several CPUs in one file, each forced on this one."""

import pytest

from test.compiled_model import execute
from test.e2e.bars import check_bf16, check_f32, ids_of
from test.reference import checkpoints
from test.reference.oracle import Oracle

TARGETS = "--target=avx512bf16,x86-64-v4,x86-64-v3"
LENGTHS = (1, 64, 131)


def all_variants(compiled, vector, dtype):
    return compiled.vector(vector, 1, dtype, TARGETS)


def need(model, variant):
    """Skips where this CPU cannot run the variant."""
    result = model.execute("generate", "--tokens", "1", "-n", 0, "--cpu",
                           variant)
    if b"this CPU cannot run" in result.stderr:
        pytest.skip(f"this CPU cannot run the variant {variant}")
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("variant", ["avx512bf16", "x86-64-v4", "x86-64-v3"])
@pytest.mark.parametrize("dtype", ["f32", "bf16"])
@pytest.mark.parametrize("vector", ["T1", "T2", "T8"])
def test_forced(compiled, vector, dtype, variant):
    model = all_variants(compiled, vector, dtype)
    need(model, variant)
    ids = [ids_of(vector, 1, n) for n in LENGTHS]
    for chunk in (None, 7):
        if dtype == "bf16":
            check_bf16([(model, ids)], cpu=variant, chunk=chunk)
            continue
        for sequence in ids:
            check_f32(model, Oracle(model.checkpoint), sequence, cpu=variant,
                      chunk=chunk)


def test_the_environment_forces_one_too(compiled):
    model = all_variants(compiled, "T2", "bf16")
    ids = ids_of("T2", 1, 64)
    assert model.json("info")["variants"] == ["avx512bf16", "x86-64-v4",
                                              "x86-64-v3"]
    forced = {"DSV2_CPU": "x86-64-v3"}
    assert model.json("info", env=forced)["variant"] == "x86-64-v3"
    want = model.logits_file(ids, cpu="x86-64-v3")
    assert model.logits_file(ids, env=forced) == want
    alone = compiled.vector("T2", 1, "bf16", "--target=x86-64-v3")
    assert alone.logits_file(ids) == want


def test_the_best_one_is_chosen(compiled):
    model = all_variants(compiled, "T2", "bf16")
    ids = ids_of("T2", 1, 64)
    best = model.json("info")["variant"]
    assert model.logits_file(ids) == model.logits_file(ids, cpu=best)
    native = compiled.vector("T2", 1, "bf16", "--target=native")
    assert native.json("info")["variants"] == [best]


def test_a_variant_that_is_not_there(compiled):
    message = all_variants(compiled, "T2", "bf16").error(
        "generate", "--tokens", "1", "--cpu", "z80")
    assert "z80" in message and "x86-64-v4" in message


def test_a_target_that_does_not_exist(compile_program, tmp_path):
    folder = checkpoints.make(tmp_path / "model", "T1", 1, "f32")
    result = execute([compile_program, folder, "-o", tmp_path / "out",
                      "--target=native,z80"])
    assert result.returncode == 1 and b"z80" in result.stderr
    assert result.stderr.count(b"\n") == 1 and not (tmp_path / "out").exists()
