"""Excerpts in the documentation: blocks that a command makes.

A comment before a code block names the command and what is kept of it:

    <!-- excerpt: dsv2-compile test/models/tiny --emit=import | in @moe_layer | lines route|expert -->

Filters, in order, each over the lines that the ones before left:

    in @NAME       the function of that name
    lines REGEX    the lines that match
    from REGEX     the first line that matches and what follows
    count N        the first N lines
    cut N          lines end after N columns, with "..."

Commands are those in build/bin, and `chat`, the bundled model compiled.

    python -m test.docs.excerpts     writes all blocks anew
"""

import re
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TIMEOUT = 600  # seconds, for a command
BLOCK = re.compile(r"^<!-- excerpt: (?P<source>[^\n]*) -->\n"
                   r"(?P<fence>```\w*\n)(?P<text>.*?)^```$",
                   re.MULTILINE | re.DOTALL)


def function(lines, name):
    """The lines of the function `name`; its end has its indentation."""
    head = re.compile(rf"(\s*)\S*func .*{re.escape(name)}\(")
    for first, line in enumerate(lines):
        if match := head.match(line):
            end = lines.index(match[1] + "}", first)
            return lines[first:end + 1]
    raise ValueError(f"no function {name}")


def keep(lines, filters):
    for text in filters:
        kind, _, value = text.partition(" ")
        if kind == "in":
            lines = function(lines, value)
        elif kind == "lines":
            lines = [line for line in lines if re.search(value, line)]
        elif kind == "from":
            first = next((i for i, line in enumerate(lines)
                          if re.search(value, line)), len(lines))
            lines = lines[first:]
        elif kind == "count":
            lines = lines[:int(value)]
        elif kind == "cut":
            width = int(value)
            lines = textwrap.dedent("\n".join(lines)).split("\n")
            lines = [line if len(line) <= width else line[:width] + "..."
                     for line in lines]
        else:
            raise ValueError(f"expected in, lines, from, count or cut, got {kind}")
    text = "\n".join(lines)
    if not text.strip():
        raise ValueError("nothing is left")
    # Without filters the block is the output as it is, indentation too.
    return (textwrap.dedent(text) if filters else text).strip("\n") + "\n"


class Commands:
    """Runs each command once. `programs` maps names to paths."""

    def __init__(self, programs):
        self.programs = programs
        self.outputs = {}

    def lines(self, command):
        if command not in self.outputs:
            name, *arguments = shlex.split(command)
            result = subprocess.run(
                [str(self.programs(name)), *arguments], cwd=ROOT, check=True,
                stdout=subprocess.PIPE, timeout=TIMEOUT, text=True)
            self.outputs[command] = result.stdout.split("\n")
        return self.outputs[command]

    def excerpt(self, source):
        """The text that the block of `source` has."""
        command, *filters = source.split(" | ")
        try:
            return keep(self.lines(command), filters)
        except ValueError as error:
            raise ValueError(f"{source}: {error}") from error


def blocks(page):
    return list(BLOCK.finditer(page.read_text()))


def update(page, commands):
    def renew(match):
        text = commands.excerpt(match["source"])
        return f"<!-- excerpt: {match['source']} -->\n{match['fence']}{text}```"
    page.write_text(BLOCK.sub(renew, page.read_text()))


if __name__ == "__main__":
    build = ROOT / "build"
    programs = Commands(lambda name: build / "chat" if name == "chat"
                        else build / "bin" / name)
    for path in map(Path, sys.argv[1:] or PAGES):
        update(path, programs)
