"""Ctrl-C and SIGTERM: what there is is printed, and the exit status says it."""

import fcntl
import json
import os
import signal
import subprocess
import termios
import time
from pathlib import Path

import pytest

from test.runtime.test_chat import Terminal

SIGNALS = [signal.SIGINT, signal.SIGTERM]
LONG = ("generate", "--tokens", "1,2", "-n", "900", "--temperature", "3")
SEEDS = range(200)


def catches(process, number):
    """Whether it has a handler for a signal."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    mask = next((line for line in status.splitlines()
                 if line.startswith("SigCgt")), "SigCgt: 0")
    return int(mask.split()[1], 16) >> (number - 1) & 1


class Blocked:
    """A process whose first write to stdout waits until `rest` is called."""

    def __init__(self, fake, *arguments, **options):
        read, write = os.pipe()
        size = fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 4096)
        self.filler = os.write(write, bytes(size))
        self.process = subprocess.Popen(
            [str(a) for a in (fake.path, *arguments)], stdout=write,
            stderr=subprocess.PIPE, **options)
        os.close(write)
        self.read = read

    def wait_for_the_write(self):
        end = time.monotonic() + 60
        while True:
            stack = Path(f"/proc/{self.process.pid}/wchan").read_text()
            if "pipe_write" in stack and catches(self.process, signal.SIGINT):
                return
            assert time.monotonic() < end, stack
            time.sleep(0.01)

    def rest(self):
        """stdout without the filler, exit status, stderr."""
        with os.fdopen(self.read, "rb") as pipe:
            text = pipe.read()[self.filler:]
        _, errors = self.process.communicate(timeout=60)
        return text.decode(), self.process.returncode, errors.decode()


@pytest.fixture(scope="module")
def long_run(chat):
    """Arguments of a run that would write a long text, and the text."""
    for seed in SEEDS:
        text = chat.ok(*LONG, "--seed", seed)
        if len(text) > 400:
            return (*LONG, "--seed", seed), text
    raise AssertionError("every text ends early")


@pytest.mark.parametrize("number", SIGNALS)
def test_generate_prints_what_it_has(chat, long_run, number):
    arguments, whole = long_run
    blocked = Blocked(chat, *arguments)
    blocked.wait_for_the_write()
    blocked.process.send_signal(number)
    text, status, errors = blocked.rest()
    assert status == 128 + number and errors == ""
    assert text.endswith("\n") and whole.startswith(text[:-1])
    assert 1 < len(text) < len(whole)


def test_a_second_signal_kills(chat, long_run):
    blocked = Blocked(chat, *long_run[0])
    blocked.wait_for_the_write()
    blocked.process.send_signal(signal.SIGINT)
    end = time.monotonic() + 60
    while catches(blocked.process, signal.SIGINT):
        assert time.monotonic() < end
        time.sleep(0.01)
    blocked.process.send_signal(signal.SIGINT)
    assert blocked.rest()[1] == -signal.SIGINT


@pytest.mark.parametrize("number", SIGNALS)
def test_generate_json_says_that_it_was_interrupted(chat, number):
    """Whenever the signal comes: before there is anything to print the process
    is gone, after the last token the object is whole, and once it is printed
    the signal may end the process."""
    seen = set()
    for attempt in range(100):
        process = subprocess.Popen(
            [chat.path, "generate", "--tokens", "1,2", "-n", "900", "--json",
             "--temperature", "3", "--seed", str(attempt)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        # Every other time as soon as it is caught.
        while (attempt % 2 and process.poll() is None
               and not catches(process, number)):
            pass
        process.send_signal(number)
        text, errors = process.communicate(timeout=60)
        assert errors == b""
        seen.add(process.returncode)
        if process.returncode == -number and text == b"":
            continue
        assert process.returncode in (0, 128 + number, -number)
        reason = json.loads(text)["finish_reason"]
        if reason == "interrupted":
            assert process.returncode == 128 + number
        if 128 + number in seen:
            return
    raise AssertionError(f"never in time: {seen}")


@pytest.fixture(scope="module")
def talker(make_fake, tokenizer, tmp_path_factory):
    config = tmp_path_factory.mktemp("signals") / "tokenizer_config.json"
    config.write_text('{"chat_template": "{{ messages[-1].content }}"}')
    return make_fake("signalled", f"tokenizer.json={tokenizer}",
                     f"tokenizer_config.json={config}")


@pytest.mark.parametrize("number", SIGNALS)
def test_chat_from_a_file_ends(talker, number):
    """Between two turns, and with lines left that are not answered any more."""
    process = subprocess.Popen([talker.path, "chat", "-n", "4"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    process.stdin.write(b"hi\n")
    process.stdin.flush()
    assert process.stdout.readline()
    process.send_signal(number)
    assert process.wait(60) == 128 + number
    process.communicate()
    blocked = Blocked(talker, "chat", "-n", "4", stdin=subprocess.PIPE)
    blocked.process.stdin.write(b"hi\n" * 50)
    blocked.process.stdin.flush()
    blocked.wait_for_the_write()
    blocked.process.send_signal(number)
    text, status, errors = blocked.rest()
    assert status == 128 + number and text.count("\n") == 1
    assert errors in ("", "(stopped)\n")


def test_sigterm_gives_the_terminal_back(talker):
    terminal = Terminal(talker)
    terminal.expect("> ")
    cooked = termios.ICANON | termios.ECHO
    assert not termios.tcgetattr(terminal.master)[3] & cooked
    os.kill(terminal.child, signal.SIGTERM)
    end = time.monotonic() + 60
    while termios.tcgetattr(terminal.master)[3] & cooked != cooked:
        assert time.monotonic() < end
        time.sleep(0.01)
    assert terminal.status() == 128 + signal.SIGTERM


def test_a_reader_that_goes_away(chat, talker):
    """Silent, whatever the command; the shell's `| head` sees no message."""
    for fake, arguments in ((chat, ("generate", "--tokens", "1", "-n", "900",
                                    "--stop", "\x01")),
                            (chat, ("info",)), (chat, ("--help",)),
                            (chat, ("tokenize", "--text", "a")),
                            (talker, ("chat",))):
        # Gone, and with all said, before anything starts.
        read, write = os.pipe()
        os.close(read)
        words, speaker = os.pipe()
        os.write(speaker, b"hi\n")
        os.close(speaker)
        result = subprocess.run([fake.path, *arguments], stdin=words,
                                stdout=write, stderr=subprocess.PIPE,
                                timeout=60)
        os.close(words)
        os.close(write)
        assert result.returncode == 1, arguments
        assert result.stderr == b""
