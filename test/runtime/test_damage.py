"""Compiled files that were cut, changed, appended to or stripped: refused in
one line, before anything runs.

Two things can refuse: the program itself, and the kernel, where the program
cannot start (execve fails, which a shell reports in one line).
"""

import errno
import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from test import bad_input

SUITE = bad_input.suite("bundle")
RUN = ("generate", "--tokens", "1,2,3", "-n", "4")
FOOTER, ENTRY, PAGE = 64, 80, 4096


class Layout:
    """Where things lie in a compiled file."""

    def __init__(self, fake):
        self.data = fake.path.read_bytes()
        self.size = len(self.data)
        info = fake.json("info")["sections"]
        self.sections = {s["name"]: range(s["offset"], s["offset"] + s["bytes"])
                         for s in info}
        assert next(iter(self.sections)) == "launcher"
        self.launcher = self.sections["launcher"].stop
        # What the kernel wants to see: the end of what it maps.
        name = b"/lib64/ld-linux-x86-64.so.2\0"
        self.mapped = self.data.rindex(name, 0, self.launcher) + len(name)
        self.footer = range(self.size - FOOTER, self.size)
        self.index = range(self.size - FOOTER - ENTRY * len(info),
                           self.size - FOOTER)
        ends = [s.stop for s in self.sections.values()]
        starts = [s.start for s in self.sections.values()] + [self.index.start]
        self.padding = [range(a, b) for a, b in zip(ends, starts[1:]) if a < b]

    def boundaries(self):
        for part in (*self.sections.values(), *self.padding, self.index,
                     self.footer):
            yield from (part.start, part.stop)


@pytest.fixture(scope="module")
def layout(chat):
    return Layout(chat)


@pytest.fixture
def refused(chat, tmp_path):
    """refused(bytes, *arguments): the line of a copy with these bytes; "kernel"
    where it cannot be started; "signal" where it dies before `main`."""
    path = tmp_path / "copy"

    def run(data, *arguments):
        path.unlink(missing_ok=True)  # one that ran cannot be written to
        path.write_bytes(data)
        path.chmod(0o755)
        try:
            result = subprocess.run([path, *(arguments or RUN)],
                                    capture_output=True, timeout=60)
        except OSError as error:
            assert error.errno in (errno.ENOEXEC, errno.EIO), error
            return "kernel"
        assert result.stdout == b""
        assert result.returncode != 0, "runs"
        if result.returncode < 0:
            return "signal"
        text = result.stderr.decode(errors="replace")
        assert text.count("\n") == 1 and text.endswith("\n"), text
        return text
    return run


def test_every_cut(layout, refused):
    rng = random.Random(1)
    cuts = {0, 1, 63, 64, 65, PAGE, layout.size - 1}
    cuts |= {layout.mapped - 1, layout.mapped, layout.mapped + 1}
    cuts |= {at + by for at in layout.boundaries() for by in (-1, 0, 1)}
    cuts |= {rng.randrange(layout.size) for _ in range(25)}
    cuts |= {rng.randrange(layout.launcher) for _ in range(15)}
    cuts = sorted(cut for cut in cuts if 0 <= cut < layout.size)
    assert len(cuts) > 60
    for cut in cuts:
        line = refused(layout.data[:cut])
        if cut < layout.mapped:
            assert line == "kernel", (cut, line)
        else:
            assert f"has {cut} bytes, expected {layout.size}: cut short" in line


@pytest.mark.parametrize("name", SUITE.cases)
def test_classes(layout, refused, tmp_path, name):
    """The list test/bad_input/bundle.json."""
    data, (kind, where) = layout.data, *SUITE.cases[name]["damage"].items()
    parts = {**layout.sections, "index": layout.index, "footer": layout.footer,
             "padding": layout.padding[0],
             "note": range(data.index(b"DSV2SLT\0") + 12, layout.launcher)}
    if kind == "cut":
        data = data[:layout.launcher if where == "launcher" else where]
    elif kind == "append":
        data += data if where == "whole" else bytes(where)
    else:
        # Of the launcher a byte of its read-only data: the note's neighbour.
        at = (data.index(b"DSV2SLT\0") - 1 if where == "launcher"
              else parts[where].start)
        data = flipped(data, at, 5)
    line = refused(data)
    assert line.startswith("copy: ")
    bad_input.expect(line[len("copy: "):-1], SUITE.cases[name]["message"],
                     path=tmp_path / "copy")


def test_cut_files_have_no_help(layout, refused):
    """The command line is read after that."""
    assert "cut short" in refused(layout.data[:-1], "--help")
    assert "cut short" in refused(layout.data[:-1], "frobnicate")


def flipped(data, at, bit):
    changed = bytearray(data)
    changed[at] ^= 1 << bit
    return bytes(changed)


def test_flipped_bits_outside_the_launcher(layout, refused):
    """All of them are found."""
    rng = random.Random(2)
    count = 0
    parts = [(f"section {name} is damaged", part)
             for name, part in layout.sections.items() if name != "launcher"]
    parts += [(", between its sections", part) for part in layout.padding]
    parts += [("its index is damaged", layout.index),
              ("its footer is damaged", layout.footer)]
    for words, part in parts:
        for at in {part.start, part.stop - 1, *rng.choices(part, k=3)}:
            line = refused(flipped(layout.data, at, rng.randrange(8)))
            assert words in line and "copy it again" in line, (at, line)
            count += 1
    assert count > 40


def test_flipped_bits_in_the_launcher(layout, refused):
    """None goes unnoticed. The program finds itself damaged, unless the damage
    is in what the kernel and the dynamic linker need to start it."""
    rng = random.Random(3)
    outcomes = {"itself": 0, "kernel": 0, "signal": 0, "linker": 0}
    for at in rng.sample(range(layout.launcher), 80):
        line = refused(flipped(layout.data, at, rng.randrange(8)))
        kind = ("itself" if "section launcher is damaged" in line
                else line if line in ("kernel", "signal") else "linker")
        outcomes[kind] += 1
    print(outcomes)
    assert outcomes["itself"] >= 72, outcomes


def test_the_note_of_the_launcher(layout, refused):
    """What it says is compared with the file, bit by bit."""
    at = layout.data.index(b"DSV2SLT\0") + 12
    for bit in range(0, 64, 5):
        assert "bytes, expected" in refused(
            flipped(layout.data, at + bit // 8, bit % 8))
        assert "its footer is damaged" in refused(
            flipped(layout.data, at + 8 + bit // 8, bit % 8))


def test_appended_bytes(layout, refused):
    for more in (b"x", bytes(4096), layout.data):
        line = refused(layout.data + more)
        assert f"expected {layout.size}: changed; copy it again" in line


def test_swapped_sections(layout, refused):
    """Right bytes at the wrong place are damage."""
    data = bytearray(layout.data)
    one, two = layout.sections["manifest.json"], layout.sections["tokenizer.json"]
    count = min(len(one), len(two))
    data[one.start:one.start + count], data[two.start:two.start + count] = (
        data[two.start:two.start + count], data[one.start:one.start + count])
    assert "is damaged" in refused(bytes(data))


def test_stripped_files_say_so(chat, tmp_path):
    for tool in ("strip", "objcopy"):
        if not shutil.which(tool):
            pytest.skip(f"{tool} is not installed")
        copy = tmp_path / tool
        shutil.copy(chat.path, copy)
        subprocess.run([tool, copy], check=True)
        assert "stripped" in type(chat)(copy).error("info")


@pytest.fixture
def outside(make_fake, tokenizer, tmp_path):
    """A fake with 3 MiB of weights beside it, and their file."""
    config = tmp_path / "tokenizer_config.json"
    config.write_text('{"chat_template": "{{ messages[-1].content }}"}')
    fake = make_fake("outside", "mode=external", f"padding={3 << 20}",
                     f"tokenizer.json={tokenizer}",
                     f"tokenizer_config.json={config}")
    return fake, Path(f"{fake.path}.weights")


def test_external_weights(outside):
    fake, weights = outside
    good = weights.read_bytes()
    want = fake.ok(*RUN)
    end = 128 + (3 << 20)  # of the weights; zeros up to a page follow
    weights.unlink()
    assert f"{weights}: cannot open the weights" in fake.error(*RUN)
    for cut in (0, 1, 4096, end - 1, end, end + 1, len(good) - FOOTER,
                len(good) - 1):
        weights.write_bytes(good[:cut])
        assert f"has {cut} bytes, expected {len(good)}" in fake.error(*RUN)
    weights.write_bytes(good + b"x")
    assert f"has {len(good) + 1} bytes, expected" in fake.error(*RUN)
    rng = random.Random(4)
    for part, words in ((range(end), "is damaged: expected hash"),
                        (range(end, len(good) - FOOTER),
                         "is damaged behind the weights"),
                        (range(len(good) - FOOTER, len(good)),
                         "does not hold the weights")):
        for at in {part.start, part.stop - 1, *rng.choices(part, k=5)}:
            weights.write_bytes(flipped(good, at, rng.randrange(8)))
            for arguments in (RUN, ("verify",)):
                line = fake.error(*arguments)
                assert words in line and str(weights) in line
    # What needs no weights does not look at them.
    assert fake.ok("tokenize", "--text", "a")
    weights.write_bytes(good)
    assert fake.ok(*RUN) == want
    fake.ok("verify")


def test_weights_of_another_file(make_fake, outside):
    fake, weights = outside
    other = make_fake("other", "mode=external", f"padding={(3 << 20) + 64}")
    weights.write_bytes(Path(f"{other.path}.weights").read_bytes())
    assert "does not hold the weights" in fake.error(*RUN)
    weights.unlink()
    weights.mkdir()
    try:
        assert "is not a regular file" in fake.error(*RUN)
    finally:
        weights.rmdir()


def conversation(fake):
    """A chat that has answered once."""
    process = subprocess.Popen([fake.path, "chat", "-n", "4"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    process.stdin.write(b"hi\n")
    process.stdin.flush()
    assert process.stdout.readline()
    return process


def test_weights_that_vanish_while_running(outside):
    fake, weights = outside
    process = conversation(fake)
    os.truncate(weights, 0)
    _, errors = process.communicate(b"again\n", timeout=60)
    assert process.returncode == 1
    assert errors.decode() == (f"{weights}: became shorter, or its disk failed, "
                               "while it was in use; copy it again\n")


def test_a_running_file_cannot_be_changed(chat, outside):
    """The kernel sees to it."""
    process = conversation(outside[0])
    with pytest.raises(OSError) as caught:
        os.truncate(outside[0].path, 1000)
    assert caught.value.errno == errno.ETXTBSY
    process.communicate(b"", timeout=60)
    assert process.returncode == 0
