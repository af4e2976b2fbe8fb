"""Compiled files in unfriendly places, wrong usage, and damage."""

import os
import re
import resource
import shutil
import subprocess
from pathlib import Path

import pytest

RUN = ("generate", "--tokens", "1,2,3", "-n", "4")


@pytest.mark.parametrize("arguments", [
    (), ("frobnicate",), ("generate",), ("generate", "--prompt"),
    ("generate", "--tokens", "1,,2"), ("generate", "--tokens", "1", "-n", "x"),
    ("generate", "--tokens", "1", "-n", "-3"),
    ("generate", "--tokens", "1", "--prompt", "a"),
    ("generate", "--tokens", "1", "--top-p", "2"),
    ("generate", "--tokens", "99999999999"),
    ("generate", "--tokens", "1", "--seed", "-1"),
    ("generate", "--tokens", "1", "--threads", "0"),
    ("generate", "--tokens", "1", "--threads", "1,2"),
    ("generate", "--tokens", "1", "--cache-memory", "7X"),
    ("generate", "--tokens", "1", "--device", "cuda:0"),
    ("logits", "--tokens", "1"), ("tokenize",), ("detokenize",),
    ("bench", "--threads", "1,x"), ("info", "--what")])
def test_wrong_usage_is_one_line(chat, arguments):
    chat.error(*arguments, status=(1, 2))


@pytest.mark.parametrize("arguments, words", [
    (("generate", "--tokens", "300"), "vocabulary of 300"),
    (("generate", "--tokens", ""), "no tokens"),
    (("logits", "--tokens", "", "-o", "/dev/null"), "no tokens"),
    (("generate", "--tokens", ",".join(["1"] * 1001)), "context of 1000"),
    ((*RUN, "--context", 1001), "at most 1000, got 1001"),
    ((*RUN, "--max-batch", 5), "at most 4, got 5"),
    (("generate", "--tokens", "1,2,3", "--context", 2), "context of 2"),
    ((*RUN, "--context", 1000, "--cache-memory", "4K"),
     "needs 128.0 KiB, --cache-memory allows 4.0 KiB"),
    (("logits", "--tokens", "1", "-o", "/nonexistent/x"), "/nonexistent/x"),
    (("logits", "--schedule", "/nonexistent/s", "-o", "/dev/null"),
     "/nonexistent/s"),
    (("tokenize", "--file", "/nonexistent/t"), "/nonexistent/t"),
    ((*RUN, "--cpu", "z80"), "carries x86-64-v3")])
def test_wrong_input_is_one_line(chat, arguments, words):
    assert words in chat.error(*arguments)


def test_text_without_a_tokenizer(bare):
    for arguments in (("generate", "--prompt", "a"), ("tokenize", "--text", "a"),
                      ("detokenize", "--tokens", "1"),
                      ("generate", "--tokens", "1", "--stop", "x")):
        assert "without tokenizer.json" in bare.error(*arguments)


def test_text_that_is_not_utf8(chat, tmp_path):
    file = tmp_path / "bad"
    file.write_bytes(b"ab\xff")
    assert "not UTF-8 at byte 2" in chat.error("tokenize", "--file", file)


def test_help_and_version(chat):
    assert re.fullmatch(r"dsv2 \d+\.\d+\.\d+\n", chat.ok("--version"))
    for arguments in (("--help",), ("generate", "--help"), ("bench", "-h")):
        assert "--" in chat.ok(*arguments)
    assert "--temperature" in chat.ok("generate", "--help")


def test_empty_environment_any_name_any_folder(bare, tmp_path):
    want = bare.ok(*RUN)
    assert bare.ok(*RUN, env={}) == want
    odd = tmp_path / "ä folder" / "-name with spaces"
    odd.parent.mkdir()
    shutil.copy(bare.path, odd)
    run = subprocess.run([odd, *RUN], capture_output=True, cwd="/", env={})
    assert run.stdout.decode() == want
    link = tmp_path / "link"
    link.symlink_to(odd)
    assert subprocess.run([link, *RUN], capture_output=True).stdout.decode() \
        == want


def test_read_only_file_in_a_read_only_folder(bare, tmp_path):
    copy = tmp_path / "ro" / "chat"
    copy.parent.mkdir()
    shutil.copy(bare.path, copy)
    copy.chmod(0o555)
    copy.parent.chmod(0o555)
    try:
        run = subprocess.run([copy, *RUN], capture_output=True)
        assert run.stdout.decode() == bare.ok(*RUN), run.stderr
    finally:
        copy.parent.chmod(0o755)


def test_forced_variants(make_fake):
    fake = make_fake("variants", "variant=future:avx9000",
                     "variant=x86-64-v3:x86-64-v3")
    want = fake.ok(*RUN)
    assert fake.ok(*RUN, env={"DSV2_CPU": "x86-64-v3"}) == want
    assert fake.ok(*RUN, "--cpu", "x86-64-v3") == want
    line = fake.error(*RUN, env={"DSV2_CPU": "future"})
    assert "lacks avx9000" in line
    alone = make_fake("future", "variant=future:avx9000")
    assert "none of the variants" in alone.error(*RUN)
    assert "none" in alone.ok("info")


def test_shared_libraries_and_symbols(bare):
    ldd = subprocess.run(["ldd", bare.path], capture_output=True).stdout.decode()
    names = {line.split()[0].split("/")[-1] for line in ldd.splitlines()}
    assert names <= {"linux-vdso.so.1", "libm.so.6", "libc.so.6",
                     "ld-linux-x86-64.so.2"}, ldd
    symbols = subprocess.run(["objdump", "-T", bare.path],
                             capture_output=True).stdout.decode()
    versions = {tuple(map(int, v.split(".")))
                for v in re.findall(r"GLIBC_([\d.]+)", symbols)}
    assert versions and max(versions) <= (2, 34), max(versions)


def damaged(fake, tmp_path, change):
    """A copy whose bytes went through `change`."""
    copy = tmp_path / "damaged"
    copy.write_bytes(change(bytearray(fake.path.read_bytes())))
    copy.chmod(0o755)
    return type(fake)(copy)


def test_damage_is_named(chat, tmp_path):
    sections = {s["name"]: s for s in chat.json("info")["sections"]}
    for name, section in sections.items():
        def flip(data):
            data[section["offset"] + section["bytes"] // 2] ^= 1
            return data
        copy = damaged(chat, tmp_path, flip)
        assert f"section {name} is damaged" in copy.error("info")
    cut = damaged(chat, tmp_path, lambda data: data[:-100])
    assert "cut short" in cut.error("info")


def test_stripped_files_say_so(chat, tmp_path):
    for tool in ("strip", "objcopy"):
        if not shutil.which(tool):
            pytest.skip(f"{tool} is not installed")
        copy = tmp_path / tool
        shutil.copy(chat.path, copy)
        subprocess.run([tool, copy], check=True)
        assert "stripped" in type(chat)(copy).error("info")


def test_external_weights_are_checked(make_fake, tmp_path):
    fake = make_fake("outside", "mode=external", f"padding={3 << 20}")
    weights = Path(f"{fake.path}.weights")
    good = weights.read_bytes()
    weights.unlink()
    assert "outside.weights: cannot open" in fake.error(*RUN)
    weights.write_bytes(good[:-1])
    assert "bytes, expected" in fake.error(*RUN)
    weights.write_bytes(good[:-10] + b"x" * 10)
    assert "does not hold the weights" in fake.error(*RUN)
    weights.write_bytes(good[:1000] + b"x" + good[1001:])
    assert "damaged" in fake.error("verify")
    weights.write_bytes(good)
    fake.ok("verify")


def test_full_output_is_an_error(chat):
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full")
    for arguments in (RUN, (*RUN, "--json"), ("info",), ("--help",)):
        with open("/dev/full", "wb") as full:
            run = subprocess.run([chat.path, *arguments], stdout=full,
                                 stderr=subprocess.PIPE)
        assert run.returncode == 1
        assert b"cannot write to stdout" in run.stderr


def test_a_reader_that_goes_away_is_silent(chat):
    process = subprocess.Popen([chat.path, "generate", "--tokens", "1",
                                "-n", "900", "--stop", "\x01"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    assert process.wait(30) >= 0
    assert process.stderr.read() == b""


def test_a_system_that_allows_no_more_threads(make_fake):
    """Room for one thread's stack: the work is done by fewer."""
    def limit():
        resource.setrlimit(resource.RLIMIT_STACK, (1 << 30, -1))
        resource.setrlimit(resource.RLIMIT_AS, (3 << 29, -1))
    fake = make_fake("crowded", "mode=random", f"padding={40 << 20}")
    for arguments in (RUN, ("verify",)):
        assert fake.ok(*arguments, "--threads", 8, preexec_fn=limit) \
            == fake.ok(*arguments)
