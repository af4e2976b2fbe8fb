"""The oracle against transformers: stored logits always, fresh ones on demand."""

import json

import numpy as np
import pytest

from test.reference import checkpoints, goldens, safetensors_io
from test.reference.config import from_dict
from test.reference.oracle import Oracle, top_k
from test.reference.rope import (angles, correction_range, inverse_frequencies,
                                 softmax_scale)

BAR = 5e-6  # of f32 logits, relative to each token's norm


def relative_error(got, want):
    """Largest over tokens of |got - want| / |want|."""
    difference = np.linalg.norm(np.float64(got) - want, axis=-1)
    return (difference / np.linalg.norm(want, axis=-1)).max()


@pytest.mark.parametrize("precision", ["f64", "model"])
@pytest.mark.parametrize("vector", goldens.VECTORS)
def test_agrees_with_stored_logits(vector, precision, tmp_path):
    ids, logits = goldens.load()[vector]
    oracle = Oracle(checkpoints.make(tmp_path, vector, goldens.SEED, "f32"))
    assert relative_error(oracle.logits(ids, precision), logits) < BAR


@pytest.mark.reference
@pytest.mark.parametrize("vector", goldens.VECTORS)
def test_transformers_gives_the_stored_logits(vector):
    ids, logits = goldens.load()[vector]
    assert ids == goldens.token_ids(vector)
    assert relative_error(goldens.fresh(vector), logits) < BAR


@pytest.mark.reference
@pytest.mark.parametrize("seed", range(2, 6))
@pytest.mark.parametrize("vector", ["T1", "T2", "T7", "T16"])
def test_agrees_with_transformers_at_other_seeds(vector, seed, tmp_path):
    oracle = Oracle(checkpoints.make(tmp_path, vector, seed, "f32"))
    ids = goldens.token_ids(f"{vector} {seed}", 65)
    trace = []
    want = oracle.logits(ids, trace=trace)
    margin = np.min([t["margin"] for t in trace if "margin" in t], axis=0)
    # Causal: a token whose routing is undecided can disturb later ones.
    sure = np.logical_and.accumulate(margin > 1e-6)
    got = goldens.run_transformers(tmp_path, ids)
    assert sure.sum() > 20
    assert relative_error(got[sure], want[sure]) < BAR


@pytest.mark.reference
def test_bf16_errs_as_transformers_does(tmp_path):
    """Roundings differ in places (transformers adds experts up in bf16), so
    only the size of the error against f64 is comparable."""
    ours, theirs = [], []
    for seed in range(1, 9):
        folder = tmp_path / str(seed)
        oracle = Oracle(checkpoints.make(folder, "T2", seed, "bf16"))
        ids = goldens.token_ids(f"bf16 {seed}")
        want = oracle.logits(ids)
        norm = np.linalg.norm(want, axis=-1)
        for errors, got in ((ours, oracle.logits(ids, "model")),
                            (theirs, goldens.run_transformers(
                                folder, ids, "bfloat16"))):
            errors.extend(np.linalg.norm(got - want, axis=-1) / norm)
    assert 0.67 < np.median(ours) / np.median(theirs) < 1.5


def wide(name):
    return from_dict(checkpoints.config_of(name))


def test_yarn_goldens_of_the_specification():
    f = inverse_frequencies(wide("v2"))
    assert correction_range(wide("v2")) == (10, 23)
    for index, value in ((0, 1), (10, 0.056234133), (11, 0.039006927),
                         (16, 0.0055), (22, 1.7782794e-4), (23, 3.3338036e-5),
                         (31, 3.3338036e-6)):
        assert f[index] == pytest.approx(value, rel=3e-7)


def test_angles_are_f32_products():
    config = wide("v2")
    f = inverse_frequencies(config)
    assert f.dtype == np.float32
    table = angles(config, [131071, 163839])
    assert table.dtype == np.float32
    assert table[0, 11] == np.float32(np.float64(f[11]) * 131071)


def test_softmax_scales_of_the_specification():
    assert softmax_scale(wide("v2")) == pytest.approx(0.11472139, rel=1e-7)
    assert softmax_scale(wide("v2.5")) == pytest.approx(0.13523378, rel=1e-7)
    no_all_dim = from_dict(checkpoints.config_of("T4"))
    assert softmax_scale(no_all_dim) == pytest.approx(24 ** -0.5)


def test_top_k_prefers_the_lowest_index_and_reports_the_margin():
    ids, margin = top_k(np.array([[0.2, 0.3, 0.3, 0.1, 0.3]]), 2)
    assert ids.tolist() == [[1, 2]] and margin[0] == 0
    ids, margin = top_k(np.array([[0.2, 0.5]]), 2)
    assert ids.tolist() == [[1, 0]] and margin[0] == np.inf


def test_normalised_weights_take_no_scale(tmp_path):
    trace = []
    oracle = Oracle(checkpoints.make(tmp_path, "T10", 1, "f32"))
    oracle.logits([1, 2, 3], trace=trace)
    assert trace[1]["weights"].sum(-1) == pytest.approx(1)


def test_layer_kinds(tmp_path):
    expected = {"T11": [0, 0, 1, 0], "T11b": [1, 1, 1], "T11c": [0, 0, 0],
                "T11e": [0, 0, 0]}
    for vector, kinds in expected.items():
        config = from_dict(checkpoints.config_of(vector))
        assert [config.is_moe(i) for i in range(len(kinds))] == \
            [bool(k) for k in kinds]


def test_all_tokens_reach_one_expert(tmp_path):
    trace = []
    oracle = Oracle(checkpoints.make(tmp_path, "T12b", 1, "f32"))
    oracle.logits(list(range(100)), trace=trace)
    assert all((t["ids"][:, 0] == 5).all() for t in trace if "ids" in t)


def test_tied_experts_tie_bitwise(tmp_path):
    trace = []
    oracle = Oracle(checkpoints.make(tmp_path, "T12", 1, "bf16"))
    oracle.logits(list(range(100)), "model", trace)
    for layer in trace[1:]:
        assert (layer["margin"] == 0).all()
        assert (layer["ids"][:, 0] % 2 == 0).all()


def test_a_better_expert_lies_in_a_rejected_group(tmp_path):
    trace = []
    oracle = Oracle(checkpoints.make(tmp_path, "T12c", 1, "f32"))
    oracle.logits(list(range(50)), trace=trace)
    free, _ = top_k(trace[1]["scores"], 3)
    assert (np.sort(free) != np.sort(trace[1]["ids"])).any()


def test_half_precision_files_become_bf16(tmp_path):
    half = Oracle(checkpoints.make(tmp_path, "T1", 1, "f16"))
    assert half.dtype == "bf16"
    weight = half.tensors["lm_head.weight"]
    assert not (weight.view(np.uint32) & 0xFFFF).any()


def test_shards_and_key_forms_change_nothing(tmp_path):
    plain = Oracle(checkpoints.make(tmp_path / "a", "T2", 1, "bf16"))
    other = Oracle(checkpoints.make(tmp_path / "b", "T2", 1, "bf16", shards=3,
                                    v5=True))
    assert (tmp_path / "b/model-00001-of-000003.safetensors").exists()
    assert np.array_equal(plain.logits([3, 1, 2]), other.logits([3, 1, 2]))


def test_reader_reads_the_package_s_files(tmp_path):
    package = pytest.importorskip("safetensors.numpy")
    values = {"x": np.arange(6, dtype=np.float32).reshape(2, 3)}
    package.save_file(values, str(tmp_path / "f.safetensors"))
    kind, value = safetensors_io.read(tmp_path / "f.safetensors")["x"]
    assert kind == "F32" and np.array_equal(value, values["x"])


def test_goldens_name_their_versions():
    index = json.loads((goldens.FOLDER / "index.json").read_text())
    assert index["versions"]["transformers"] >= "5.23"
    size = sum(f.stat().st_size for f in goldens.FOLDER.iterdir())
    assert size < 1 << 20
