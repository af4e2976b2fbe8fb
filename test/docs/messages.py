"""Messages in docs/Troubleshooting.md: blocks that a command prints.

A comment before a code block says where its lines come from:

    <!-- message: head -c 99999 chat > cut; chmod +x cut; ./cut info -->

names a command of bash, whose stderr the block is. It runs in a folder of its
own that has `chat`, the bundled model compiled; `model`, the bundled model; and
`outside`, the same compiled without a tokenizer and with its weights beside it.
The compiler is in PATH. In the block <WORD> stands for what differs between
machines: anything without a space.

    <!-- source: runtime/bundle/BusErrors.cpp -->

is for what no command can bring about at will: the words between the <WORD>s
are in that file.

    python -m test.docs.messages      prints what each command prints now
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "Troubleshooting.md"
TIMEOUT = 300  # seconds, for a command
BLOCK = re.compile(r"^<!-- (?P<kind>message|source): (?P<of>[^\n]*) -->\n"
                   r"```\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks():
    return list(BLOCK.finditer(PAGE.read_text()))


def output(command, folder, programs, compiler):
    """What a command prints on stderr. `programs` maps names to compiled files;
    a file of weights beside one comes along."""
    for name, path in programs.items():
        shutil.copy(path, folder / name)
        beside = Path(f"{path}.weights")
        if beside.exists():
            # The file says how it is called.
            shutil.copy(beside, folder / beside.name)
    (folder / "model").symlink_to(ROOT / "test" / "models" / "tiny")
    result = subprocess.run(
        ["bash", "-c", command], cwd=folder, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=TIMEOUT,
        env={"PATH": f"{compiler.parent}:{os.environ['PATH']}", "LC_ALL": "C"})
    return result.returncode, result.stderr.decode(errors="replace").replace(
        f"{folder}/", "")


def matches(text, printed):
    """Whether a block's text is what was printed."""
    pieces = re.split(r"<[A-Z]+>", text)
    return re.fullmatch(r"\S+".join(map(re.escape, pieces)), printed)


def literals(path):
    """A source file with the seams between string literals taken out."""
    return re.sub(r'"\s*"', "", (ROOT / path).read_text())


def missing_words(text, path):
    """Pieces of a block's lines that the source file does not have."""
    source = literals(path)
    pieces = [piece.strip() for line in text.splitlines()
              for piece in re.split(r"<[A-Z]+>", line)]
    return [piece for piece in pieces if piece and piece not in source]


if __name__ == "__main__":
    import tempfile
    build = ROOT / "build"
    compiler = build / "bin" / "dsv2-compile"
    programs = {"chat": Path(sys.argv[1]), "outside": Path(sys.argv[2])}
    for block in blocks():
        if block["kind"] == "message":
            with tempfile.TemporaryDirectory() as name:
                print(f"{block['of']}\n"
                      f"{output(block['of'], Path(name), programs, compiler)}")
