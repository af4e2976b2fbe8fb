"""Logits of compiled files against the oracle (specification section 8)."""

import numpy as np
import pytest

from test.e2e.errors import BF16_FACTOR, F32_BAR, relative, sure_tokens
from test.reference import checkpoints, goldens
from test.reference.oracle import Oracle

VECTORS = list(checkpoints.VECTORS)
SEEDS = (1, 2)
# One token; less than, exactly and more than one page and one tile of rows.
LENGTHS = (1, 5, 64, 131)
# Past YaRN's original 4096 positions and the default step.
LONG = 4200


def ids_of(vector, seed, length):
    return goldens.token_ids(f"e2e {vector} {seed} {length}", length)


def check_f32(model, oracle, ids):
    trace = []
    want = oracle.logits(ids, trace=trace)
    sure = sure_tokens(trace)
    error = relative(model.logits(ids), want)[sure]
    assert error.size and error.max() <= F32_BAR


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("vector", VECTORS)
def test_f32(compiled, vector, seed):
    model = compiled.vector(vector, seed, "f32")
    oracle = Oracle(model.checkpoint)
    for length in LENGTHS:
        check_f32(model, oracle, ids_of(vector, seed, length))


def test_f32_beyond_the_original_context(compiled):
    model = compiled.vector("T5", 1, "f32")
    check_f32(model, Oracle(model.checkpoint), ids_of("T5", 1, LONG))


def bf16_errors(model, ids_list):
    """Errors of all tokens against f64: the compiled file's, the oracle's."""
    oracle, ours, reference = Oracle(model.checkpoint), [], []
    for ids in ids_list:
        want = oracle.logits(ids)
        ours.append(relative(model.logits(ids), want))
        reference.append(relative(oracle.logits(ids, "model"), want))
    return np.concatenate(ours), np.concatenate(reference)


def check_bf16(models_and_ids):
    pairs = [bf16_errors(model, ids) for model, ids in models_and_ids]
    ours, reference = map(np.concatenate, zip(*pairs))
    assert np.median(ours) <= BF16_FACTOR * np.median(reference)


@pytest.mark.parametrize("vector", VECTORS)
def test_bf16(compiled, vector):
    check_bf16([(compiled.vector(vector, seed, "bf16"),
                 [ids_of(vector, seed, n) for n in LENGTHS])
                for seed in SEEDS])


@pytest.mark.parametrize("dtype", ["f32", "bf16"])
@pytest.mark.parametrize("vector", ["T1", "T2", "T8"])
def test_x86_64_v3(compiled, vector, dtype):
    """The variant for older CPUs, also where a better one could run."""
    model = compiled.vector(vector, 1, dtype, "--target=x86-64-v3")
    ids = [ids_of(vector, 1, n) for n in LENGTHS]
    if dtype == "bf16":
        check_bf16([(model, ids)])
        return
    for sequence in ids:
        check_f32(model, Oracle(model.checkpoint), sequence)


def test_f16_checkpoint(compiled):
    check_bf16([(compiled.vector("T1", seed, "f16"),
                 [ids_of("T1", seed, n) for n in LENGTHS])
                for seed in SEEDS])


def test_bf16_checkpoint_as_f32(compiled):
    model = compiled.vector("T2", 1, "bf16", "--dtype=f32")
    check_f32(model, Oracle(model.checkpoint, dtype="f32"), ids_of("T2", 1, 64))


def test_sharded_symbolic_links(compiled, tmp_path):
    """As the Hugging Face cache: links to blobs, shards, v5 keys."""
    blobs = checkpoints.make(tmp_path / "blobs", "T2", 1, "f32", shards=3,
                             v5=True)
    folder = tmp_path / "snapshot"
    folder.mkdir()
    for file in blobs.iterdir():
        (folder / file.name).symlink_to(f"../blobs/{file.name}")
    model = compiled.folder_of(folder, "--target=native")
    check_f32(model, Oracle(folder), ids_of("T2", 1, 64))


@pytest.mark.parametrize("dtype", ["f32", "bf16"])
def test_random_weights(compiled, tmp_path, dtype):
    """docs/RandomWeights.md, from a configuration alone."""
    raw = checkpoints.config_of("T2", dtype)
    checkpoints.write_config(tmp_path, raw)
    model = compiled.folder_of(tmp_path, "--target=native",
                               "--weights=random:7")
    oracle = Oracle(tmp_path, dtype, checkpoints.random_tensors(raw, 7))
    ids = ids_of("T2", 7, 64)
    if dtype == "f32":
        check_f32(model, oracle, ids)
        return
    want = oracle.logits(ids)
    ours = relative(model.logits(ids), want)
    reference = relative(oracle.logits(ids, "model"), want)
    assert np.median(ours) <= BF16_FACTOR * np.median(reference)


def test_external_weights(compiled):
    ids = ids_of("T2", 1, 64)
    embedded = compiled.vector("T2", 1, "bf16").logits(ids)
    external = compiled.vector("T2", 1, "bf16", "--weights=external").logits(ids)
    assert np.array_equal(embedded, external)
