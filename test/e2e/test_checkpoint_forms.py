"""Every form in which a checkpoint may come (specification sections 1 and 2)."""

import json

import pytest

from test.compiled_model import ids_text
from test.e2e.bars import check_bf16, check_f32, ids_of
from test.reference import checkpoints, safetensors_io
from test.reference.oracle import Oracle

IDS = ids_of("checkpoint forms", 1, 64)
TEXT_COMMANDS = (("generate", "--prompt", "a"), ("tokenize", "--text", "a"),
                 ("detokenize", "--tokens", "1"), ("logits", "--text", "a",
                                                   "-o", "/dev/null"),
                 ("generate", "--tokens", "1", "--stop", "x"))


def test_f16_becomes_bf16(compiled):
    models = [compiled.vector("T1", seed, "f16") for seed in (1, 2)]
    assert models[0].json("info")["dtype"] == "bf16"
    check_bf16([(model, [IDS]) for model in models])


@pytest.mark.parametrize("stored", ["bf16", "f16"])
def test_computed_in_f32(compiled, stored):
    model = compiled.vector("T2", 1, stored, "--dtype=f32")
    assert model.json("info")["dtype"] == "f32"
    check_f32(model, Oracle(model.checkpoint, dtype="f32"), IDS)


def test_f32_computed_in_bf16(compiled):
    model = compiled.vector("T2", 1, "f32", "--dtype=bf16")
    stored = safetensors_io.read_folder(model.checkpoint)
    oracle = Oracle(model.checkpoint, "bf16",
                    {name: value for name, (_, value) in stored.items()})
    check_bf16([(model, [IDS])], [oracle])


def test_the_hugging_face_cache(compiled, tmp_path):
    """Links to blobs named by hash, shards, v5 keys."""
    made = checkpoints.make(tmp_path / "made", "T2", 1, "f32", shards=3,
                            v5=True)
    blobs = tmp_path / "models--org--name" / "blobs"
    snapshot = tmp_path / "models--org--name" / "snapshots" / "0123abcd"
    blobs.mkdir(parents=True)
    snapshot.mkdir(parents=True)
    for i, file in enumerate(sorted(made.iterdir())):
        file.rename(blobs / f"{i:040x}")
        (snapshot / file.name).symlink_to(f"../../blobs/{i:040x}")
    model = compiled.folder_of(snapshot, "--target=native")
    check_f32(model, Oracle(snapshot), IDS)
    single = compiled.vector("T2", 1, "f32")
    assert model.logits_file(IDS) == single.logits_file(IDS)


@pytest.mark.parametrize("vector", ["T1", "T16"])
def test_v5_keys_change_nothing(compiled, tmp_path, vector):
    folder = checkpoints.make(tmp_path / "v5", vector, 1, "bf16", v5=True)
    raw = json.loads((folder / "config.json").read_text())
    assert "rope_parameters" in raw and "torch_dtype" not in raw
    assert compiled.folder_of(folder, "--target=native").logits_file(IDS) \
        == compiled.vector(vector, 1, "bf16").logits_file(IDS)


def test_tied_embeddings_with_a_head_of_their_own_name(compiled, tmp_path):
    """Some exports store the tied tensor twice."""
    folder = checkpoints.make(tmp_path / "tied", "T16b", 1, "f32")
    file = folder / "model.safetensors"
    tensors = {n: v for n, (_, v) in safetensors_io.read(file).items()}
    tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"]
    safetensors_io.write(file, tensors)
    assert compiled.folder_of(folder, "--target=native").logits_file(IDS) \
        == compiled.vector("T16b", 1, "f32").logits_file(IDS)


def test_without_tokenizer(compiled):
    model = compiled.vector("T1", 1, "f32")
    for command in TEXT_COMMANDS:
        assert "without tokenizer.json" in model.error(*command)
    got = model.generate("--tokens", "1,2,3", "-n", 5)
    assert got["text"] is None and got["prompt_tokens"] == 3
    assert model.run("generate", "--tokens", "1,2,3", "-n", 5) == \
        ids_text(got["tokens"]) + "\n"


def test_without_generation_config(compiled, tmp_path):
    """Greedy, and config.json says which token ends a text."""
    options = ("--tokens", "5,6,7", "-n", 30)
    free = compiled.vector("T1", 1, "f32").generate(*options)["tokens"]
    assert len(free) == 30
    ends = [i for i, token in enumerate(free) if token not in free[:i]]
    for name, eos, kept in (("one", free[ends[-1]], ends[-1]),
                            ("list", [free[ends[2]], 255], ends[2])):
        folder = checkpoints.make(tmp_path / name, "T1", 1, "f32")
        raw = json.loads((folder / "config.json").read_text())
        checkpoints.write_config(folder, raw | {"eos_token_id": eos})
        model = compiled.folder_of(folder, "--target=native")
        got = model.generate(*options)
        assert got["tokens"] == free[:kept]
        assert got["finish_reason"] == "stop"
        info = model.json("info")
        assert info["eos"] == (eos if isinstance(eos, list) else [eos])
        assert info["bos"] == raw["bos_token_id"]


def test_generation_config_is_before_the_configuration(compiled, tmp_path):
    options = ("--tokens", "5,6,7", "-n", 30)
    free = compiled.vector("T1", 1, "f32").generate(*options)["tokens"]
    folder = checkpoints.make(tmp_path / "model", "T1", 1, "f32")
    (folder / "generation_config.json").write_text(
        json.dumps({"eos_token_id": [300, free[0]]}))
    got = compiled.folder_of(folder, "--target=native").generate(*options)
    assert got["tokens"] == [] and got["finish_reason"] == "stop"


@pytest.mark.parametrize("attention", ["auto", "merged"])
@pytest.mark.parametrize("dtype", ["f32", "bf16"])
def test_random_weights(compiled, tmp_path, dtype, attention):
    """docs/RandomWeights.md: from a configuration alone, the same bits as from
    a checkpoint that holds those weights."""
    options = ("--target=native", f"--attention={attention}")
    raw = checkpoints.config_of("T2", dtype)
    checkpoints.write_config(tmp_path, raw)
    drawn = compiled.folder_of(tmp_path, *options, "--weights=random:7")
    info = drawn.json("info")
    assert info["weights"] == {"mode": "random", "seed": 7}
    assert "weights" not in [s["name"] for s in info["sections"]]

    stored = tmp_path / "stored"
    stored.mkdir()
    checkpoints.write_config(stored, raw)
    safetensors_io.write_folder(stored, checkpoints.random_tensors(raw, 7),
                                checkpoints.DTYPES[dtype][0])
    got = drawn.logits_file(IDS)
    assert got == compiled.folder_of(stored, *options).logits_file(IDS)
    assert got == drawn.logits_file(IDS, threads=5)
    if dtype == "f32":
        check_f32(drawn, Oracle(stored), IDS)
    else:
        check_bf16([(drawn, [IDS])], [Oracle(stored)])


def test_random_seeds_differ(compiled, tmp_path):
    checkpoints.write_config(tmp_path, checkpoints.config_of("T1", "f32"))
    files = [compiled.folder_of(tmp_path, "--target=native", weights)
             .logits_file([1, 2]) for weights in
             ("--weights=random", "--weights=random:0", "--weights=random:1")]
    assert files[0] == files[1] != files[2]


@pytest.mark.parametrize("attention", ["auto", "merged"])
def test_external_weights(compiled, tmp_path, attention):
    """Beside the file under its name, wherever both are copied."""
    option = f"--attention={attention}"
    embedded = compiled.vector("T2", 1, "bf16", option)
    external = compiled.vector("T2", 1, "bf16", option, "--weights=external")
    want = embedded.logits_file(IDS)
    assert external.logits_file(IDS) == want
    info = external.json("info")
    assert info["weights"]["mode"] == "external"
    for file in (external.path.name, info["weights"]["file"]):
        (tmp_path / file).write_bytes((external.path.parent / file).read_bytes())
    copy = type(external)(tmp_path / external.path.name, None)
    copy.path.chmod(0o755)
    assert copy.run("verify") == "ok\n"
    assert copy.logits_file(IDS, cwd="/") == want
