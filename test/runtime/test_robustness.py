"""Compiled files in unfriendly places, and wrong usage."""

import os
import re
import resource
import shutil
import subprocess

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
    ("generate", "--tokens", "-1"), ("generate", "--tokens=-1"),
    ("generate", "--tokens", "1", "--tokens", "2"),
    ("generate", "--tokens", "1", "--frobnicate", "1"),
    ("generate", "--tokens", "1", "--context", "0"),
    ("generate", "--tokens", "1", "--context", "1e3"),
    ("generate", "--tokens", "1", "--max-batch", "-1"),
    ("generate", "--tokens", "1", "--cache-memory", "nan"),
    ("generate", "--tokens", "1", "--cache-memory", "-1"),
    ("generate", "--tokens", "1", "--cache-memory", "1e18T"),
    ("generate", "--tokens", "1", "-n", "99999999999999999999"),
    ("chat", "-n", "0"), ("bench", "--rounds", "0"),
    ("bench", "--gen", "0", "--prompt"),
    ("logits", "--tokens", "1"), ("tokenize",), ("detokenize",),
    ("bench", "--threads", "1,x"), ("info", "--what")])
def test_wrong_usage_is_one_line(chat, arguments):
    chat.error(*arguments, status=(1, 2))


@pytest.mark.parametrize("arguments, words", [
    (("generate", "--tokens", "300"), "vocabulary of 300"),
    (("generate", "--tokens", "1,2147483647"), "vocabulary of 300"),
    (("detokenize", "--tokens", "300"), "vocabulary of 300"),
    (("logits", "--tokens", "1,300", "-o", "/dev/null"), "vocabulary of 300"),
    (("generate", "--prompt-file", "/"), "/"),
    (("generate", "--prompt-file", "/dev/zero"), "/dev/zero"),
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


@pytest.mark.parametrize("option, values", [
    ("--temperature", ["nan", "-nan", "inf", "-inf", "-1", "-1e-9", "1e7",
                       "1e999", "warm", "", "0x"]),
    ("--top-p", ["nan", "inf", "-1", "0", "0.0", "1.0000001", "1e999", "x"]),
    ("--top-k", ["nan", "inf", "-1", "1.5", "1099511627777",
                 "99999999999999999999", "x"]),
    ("--seed", ["nan", "-1", "1.5", "99999999999999999999", "x"])])
def test_impossible_sampling_values(chat, option, values):
    for value in values:
        line = chat.error("generate", "--tokens", "1", option, value,
                          status=(1, 2))
        assert option.lstrip("-") in line, line


def test_extreme_sampling_values_that_are_possible(chat):
    for option, value in (("--temperature", "1e-300"), ("--temperature", "1e6"),
                          ("--top-p", "1e-9"), ("--top-k", "1099511627776"),
                          ("--seed", "18446744073709551615")):
        new = chat.json("generate", "--tokens", "1", "-n", 8, option, value)
        assert new["finish_reason"] in ("length", "stop")


def test_text_without_a_tokenizer(bare):
    for arguments in (("generate", "--prompt", "a"), ("tokenize", "--text", "a"),
                      ("detokenize", "--tokens", "1"),
                      ("generate", "--tokens", "1", "--stop", "x")):
        assert "without tokenizer.json" in bare.error(*arguments)


def test_text_that_is_not_utf8(chat, tmp_path):
    file = tmp_path / "bad"
    file.write_bytes(b"ab\xff")
    for arguments in (("tokenize", "--file", file),
                      ("generate", "--prompt-file", file)):
        assert f"{file}: is not UTF-8 at byte 2" in chat.error(*arguments)
    bad = b"a\xc3"
    for arguments, option in (
            (("generate", "--prompt", bad), "--prompt"),
            (("generate", "--prompt", "a", "--stop", "b", "--stop", bad),
             "--stop"),
            (("generate", "--prompt", "a", "--chat", "--system", bad),
             "--system"),
            (("chat", "--system", bad), "--system"),
            (("chat", "--stop", bad), "--stop"),
            (("logits", "--text", bad, "-o", "/dev/null"), "--text"),
            (("tokenize", "--text", bad), "--text")):
        run = subprocess.run([chat.path, *arguments], capture_output=True)
        assert run.returncode == 2 and run.stdout == b""
        assert run.stderr.decode() == (
            f"chat: {option}: is not UTF-8 at byte 1; see chat --help\n")
    template = tmp_path / "bad.jinja"
    template.write_bytes(b"a\xc3")
    assert "bad.jinja" in chat.error("chat", "--chat-template", template)
    schedule = tmp_path / "bad.json"
    schedule.write_bytes(b'{"sequences": [[1]], "\xc3": 1}')
    assert "bad.json" in chat.error("logits", "--schedule", schedule,
                                    "-o", "/dev/null")


def test_closed_descriptors(chat, tmp_path):
    """A file that is opened never takes the place of stdout."""
    out = tmp_path / "logits"
    for closed, arguments in ((">&-", "info"),
                              ("<&- 2>&-", "info"),
                              (">&- 2>&-", f"logits --tokens 1,2 -o {out}")):
        run = subprocess.run(["bash", "-c", f"{chat.path} {arguments} {closed}"],
                             capture_output=True)
        if closed == ">&-":
            assert run.returncode == 1
            assert b"cannot write to stdout: Bad file" in run.stderr
        else:
            assert run.returncode == 0
    assert out.stat().st_size > 2 * 300 * 4


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


def test_a_name_of_two_lines(bare, tmp_path):
    odd = tmp_path / "two\nlines"
    shutil.copy(bare.path, odd)
    line = type(bare)(odd).error("frobnicate", status=(2,))
    assert line == ("two?lines: unknown command 'frobnicate'; see two?lines "
                    "--help\n")


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


def test_full_output_is_an_error(chat, tmp_path):
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full")
    template = tmp_path / "t.jinja"
    template.write_text("{{ messages[-1].content }}")
    for arguments in (RUN, (*RUN, "--json"), ("info",), ("info", "--json"),
                      ("--help",), ("--version",), ("verify",),
                      ("tokenize", "--text", "a"),
                      ("detokenize", "--tokens", "97"),
                      ("bench", "--prompt", "8", "--gen", "0", "--rounds", "1"),
                      ("chat", "--chat-template", template)):
        with open("/dev/full", "wb") as full:
            run = subprocess.run([chat.path, *arguments], stdout=full,
                                 input=b"hi\n", stderr=subprocess.PIPE)
        assert run.returncode == 1, arguments
        assert b"cannot write to stdout" in run.stderr
        assert run.stderr.count(b"\n") == 1
    run = chat.error("logits", "--tokens", "1", "-o", "/dev/full")
    assert "/dev/full" in run and "No space left" in run


def test_a_system_that_allows_no_more_threads(make_fake):
    """Room for one thread's stack: the work is done by fewer."""
    def limit():
        resource.setrlimit(resource.RLIMIT_STACK, (1 << 30, -1))
        resource.setrlimit(resource.RLIMIT_AS, (3 << 29, -1))
    fake = make_fake("crowded", "mode=random", f"padding={40 << 20}")
    for arguments in (RUN, ("verify",)):
        assert fake.ok(*arguments, "--threads", 8, preexec_fn=limit) \
            == fake.ok(*arguments)
