"""--help of every command, and the example that each shows."""

import json
import re
import subprocess

import pytest

# Files that examples may name.
FILES = {"text.txt": "three plus four is seven\n"}


@pytest.fixture(scope="module")
def model(make_fake, tokenizer, tmp_path_factory):
    """A fake that has all that a compiled model has."""
    config = tmp_path_factory.mktemp("model") / "tokenizer_config.json"
    config.write_text(json.dumps({
        "bos_token": "<bos>", "eos_token": "<eos>",
        "chat_template": "{{ bos_token }}{% for m in messages %}"
                         "{{ m.content }}{% endfor %}"}))
    return make_fake("model", f"tokenizer.json={tokenizer}",
                     f"tokenizer_config.json={config}")


def commands_of(fake):
    """The names that --help lists."""
    _, _, listed = fake.ok("--help").partition("\nSubcommands:\n")
    names = re.findall(r"^  ([\w-]+)", listed.partition("\n\n")[0], re.M)
    assert "generate" in names and "verify" in names
    return names


def test_version(model):
    assert re.fullmatch(r"dsv2 \d+\.\d+\.\d+\n", model.ok("--version"))


def test_exit_status_is_documented(model):
    assert "Exit status: 0, or 1 when a command fails" in model.ok("--help")


def test_each_command_shows_an_example_that_works(model, tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    for command in commands_of(model):
        for ask in ("--help", "-h"):
            text = model.ok(command, ask)
            assert f"Usage: {model.path} {command}" in text
        found = re.search(r"^Example:\n  (.+)$", text, re.M)
        assert found, f"{command} --help has no example"
        line = found[1]
        assert f"{model.path} {command}" in line
        result = subprocess.run(["bash", "-c", f"set -o pipefail; {line}"],
                                input=b"hi\n", capture_output=True,
                                cwd=tmp_path, timeout=60)
        assert result.returncode == 0, (line, result.stderr)
        assert result.stderr == b"", line
        assert result.stdout or (tmp_path / "logits.safetensors").exists(), line
