"""--help and --version of the tools, and the examples that --help shows."""

import json
import re
import subprocess

import pytest

TOOLS = ["dsv2-compile", "dsv2-opt", "dsv2-interpret", "dsv2-reduce",
         "dsv2-lsp-server"]
# What examples may name beside what earlier lines made: the model that stands
# for V2-Lite, and a judge that wants to see a routing.
MODEL = "DeepSeek-V2-Lite"
JUDGE = "#!/bin/sh\n! grep -q dsv2.route \"$1\"\n"


@pytest.fixture(scope="module")
def tool(compile_program):
    """Runs a tool by name; its output is text."""
    def run(name, *arguments, **options):
        program = compile_program.parent / name
        if not program.exists():
            pytest.skip(f"{name} is not built")
        return subprocess.run([program, *arguments], capture_output=True,
                              text=True, timeout=300, **options)
    return run


@pytest.mark.parametrize("name", TOOLS)
def test_version(tool, name):
    result = tool(name, "--version")
    assert result.returncode == 0
    assert re.fullmatch(rf"{name} \d+\.\d+\.\d+\n", result.stdout)


@pytest.mark.parametrize("name", TOOLS)
def test_unknown_option(tool, name):
    result = tool(name, "--no-such-option", stdin=subprocess.DEVNULL)
    assert result.returncode == 1
    assert "nknown command line argument '--no-such-option'" in result.stderr


def framed(message):
    """As an editor sends it."""
    text = json.dumps({"jsonrpc": "2.0", **message})
    return f"Content-Length: {len(text)}\r\n\r\n{text}"


# What an editor says that starts the language server and ends at once.
EDITOR = "".join(map(framed, [
    {"id": 1, "method": "initialize", "params": {"capabilities": {}}},
    {"id": 2, "method": "shutdown"}, {"method": "exit"}]))


@pytest.mark.parametrize("name", TOOLS)
def test_examples_work(tool, name, compile_program, tiny_model, tmp_path):
    text = tool(name, "--help").stdout
    _, found, examples = text.partition("\nEXAMPLES:\n")
    assert found, f"{name} --help has no examples"
    lines = re.findall(r"^  (\S.*)$", examples.partition("\n\n")[0], re.M)
    assert any(line.startswith(name) for line in lines)
    (tmp_path / MODEL).symlink_to(tiny_model)
    judge = tmp_path / "interesting.sh"
    judge.write_text(JUDGE)
    judge.chmod(0o755)
    for line in lines:
        result = subprocess.run(
            ["bash", "-c", line], capture_output=True, text=True, cwd=tmp_path,
            input=EDITOR if name == "dsv2-lsp-server" else "", timeout=300,
            env={"PATH": f"{compile_program.parent}:/usr/bin:/bin"})
        assert result.returncode == 0, (line, result.stderr)
        if made := re.search(r" -o (\S+)", line):
            assert (tmp_path / made[1]).stat().st_size > 0, line
