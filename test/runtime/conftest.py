"""Compiled files around a module made by hand (FakeModule.c): they test the
launcher without the compiler."""

import json
import subprocess

import pytest


class Fake:
    """One fake compiled file."""

    def __init__(self, path):
        self.path = path

    def run(self, *arguments, **options):
        """Returns the completed process; its output is bytes."""
        options.setdefault("timeout", 60)
        return subprocess.run([str(self.path), *map(str, arguments)],
                              capture_output=True, **options)

    def ok(self, *arguments, **options):
        """stdout of a run that must succeed, as text."""
        result = self.run(*arguments, **options)
        assert result.returncode == 0, result.stderr.decode()
        return result.stdout.decode()

    def json(self, *arguments, **options):
        return json.loads(self.ok(*arguments, "--json", **options))

    def error(self, *arguments, status=(1,), **options):
        """The one line of a run that must fail."""
        result = self.run(*arguments, **options)
        text = result.stderr.decode()
        assert result.returncode in status, (result.returncode, text)
        assert text.count("\n") == 1 and text.endswith("\n"), text
        return text


@pytest.fixture(scope="session")
def make_fake(request, tmp_path_factory):
    """make_fake("chat", "mode=random", ...) returns a Fake; the arguments are
    those of make-fake-bundle."""
    build = request.config.getoption("--build-dir")
    tool, module, launcher = (build / "unit" / "make-fake-bundle",
                              build / "unit" / "fake_module.elf",
                              build / "bin" / "dsv2-launcher")
    for needed in (tool, module, launcher):
        if not needed.exists():
            pytest.skip(f"{needed} is not built")
    folder = tmp_path_factory.mktemp("fake")

    def make(name, *arguments):
        path = folder / name
        subprocess.run([tool, path, launcher, module, *arguments], check=True)
        return Fake(path)
    return make


def byte_characters():
    """Character of each byte in a byte-level vocabulary."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = iter(range(256, 512))
    return {b: chr(b) if b in printable else chr(next(rest))
            for b in range(256)}


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory):
    """A tokenizer.json whose ids 0..255 are the bytes; 256 and 257 begin and
    end a text."""
    characters = byte_characters()
    special = [{"id": 256 + i, "content": c, "single_word": False,
                "lstrip": False, "rstrip": False, "normalized": False,
                "special": True} for i, c in enumerate(["<bos>", "<eos>"])]
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    path.write_text(json.dumps({
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": special, "normalizer": None,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False,
                          "trim_offsets": True, "use_regex": False},
        "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": True,
                    "trim_offsets": True, "use_regex": True},
        "model": {"type": "BPE", "dropout": None, "unk_token": None,
                  "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": False,
                  "byte_fallback": False,
                  "vocab": {c: b for b, c in characters.items()},
                  "merges": []}}))
    return path


@pytest.fixture(scope="session")
def chat(make_fake, tokenizer, tmp_path_factory):
    """A fake with tokenizer and sampling defaults."""
    folder = tmp_path_factory.mktemp("configs")
    config = folder / "tokenizer_config.json"
    config.write_text(json.dumps({"add_bos_token": True,
                                  "bos_token": "<bos>"}))
    generation = folder / "generation_config.json"
    generation.write_text(json.dumps({
        "do_sample": True, "temperature": 1.5, "top_k": 40, "top_p": 0.95,
        "eos_token_id": [257, 258]}))
    return make_fake("chat", f"tokenizer.json={tokenizer}",
                     f"tokenizer_config.json={config}",
                     f"generation_config.json={generation}")


@pytest.fixture(scope="session")
def bare(make_fake):
    """A fake without tokenizer and generation_config.json."""
    return make_fake("bare")
