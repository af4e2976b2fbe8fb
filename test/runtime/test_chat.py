"""The command chat, from a file and through a terminal."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import time

import pytest

TEMPLATE = ("{{ bos_token }}{% for m in messages %}[{{ m.role }}]{{ m.content }}{% if m.role == 'assistant' %}"
            "<eos>{% endif %}{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}")


@pytest.fixture(scope="module")
def talker(make_fake, tokenizer, tmp_path_factory):
    """A fake with a chat template, which answers greedily."""
    folder = tmp_path_factory.mktemp("talker")
    config = folder / "tokenizer_config.json"
    config.write_text(json.dumps({"bos_token": "<bos>", "eos_token": "<eos>", "chat_template": TEMPLATE}))
    generation = folder / "generation_config.json"
    generation.write_text(json.dumps({"do_sample": False, "eos_token_id": [257]}))
    return make_fake("talker", f"tokenizer.json={tokenizer}", f"tokenizer_config.json={config}",
                     f"generation_config.json={generation}")


def answer(fake, prompt, *options):
    """What the model continues a rendered prompt with, as chat prints it."""
    ids = fake.ok("tokenize", "--no-bos", "--text", prompt).strip()
    return fake.json("generate", "--tokens", ids, *options)["text"].lstrip()


def chat(fake, lines, *options, **process):
    return fake.ok("chat", *options, input="".join(line + "\n" for line in lines).encode(), **process)


def test_turns_see_what_was_said(talker):
    first = answer(talker, "<bos>[user]hi[assistant]", "-n", 9)
    second = answer(talker, f"<bos>[user]hi[assistant]{first.strip()}<eos>[user]é世🙂[assistant]", "-n", 9)
    assert chat(talker, ["hi", "é世🙂"], "-n", 9) == f"{first}\n{second}\n"
    # The last line needs no newline, empty ones are no turns.
    result = talker.run("chat", "-n", 9, input="\nhi\r\n\né世🙂".encode())
    assert result.stdout.decode() == f"{first}\n{second}\n" and result.stderr == b""


def test_commands_and_system_prompt(talker):
    plain = answer(talker, "<bos>[user]hi[assistant]", "-n", 5)
    with_system = answer(talker, "<bos>[system]be brief[user]hi[assistant]", "-n", 5)
    assert plain != with_system
    assert chat(talker, ["hi", "/reset", "hi", "/exit", "hi"], "-n", 5) == f"{plain}\n{plain}\n"
    assert chat(talker, ["hi"], "-n", 5, "--system", "be brief") == f"{with_system}\n"
    assert chat(talker, ["/system be brief", "hi", "/reset", "/system", "hi"], "-n", 5) == f"{with_system}\n{plain}\n"
    result = talker.run("chat", input=b"/what\n/help\n")
    assert result.returncode == 0 and result.stdout == b""
    assert "unknown command /what" in result.stderr.decode() and "/reset" in result.stderr.decode()


def test_generate_takes_a_turn(talker):
    one = talker.json("generate", "--chat", "--prompt", "hi", "-n", 9)["tokens"]
    ids = talker.ok("tokenize", "--no-bos", "--text", "<bos>[user]hi[assistant]").strip()
    assert one == talker.json("generate", "--tokens", ids, "-n", 9)["tokens"]
    assert "need --chat" in talker.error("generate", "--prompt", "hi", "--system", "x", status=(2,))
    assert "takes a text" in talker.error("generate", "--tokens", "1", "--chat", status=(2,))


def test_template_file(talker, chat_less, tmp_path):
    assert "no chat template; give one with --chat-template FILE" in chat_less.error("chat", input=b"hi\n")
    file = tmp_path / "t.jinja"
    file.write_text("<bos>Q: {{ messages[-1].content }} A:")
    expected = answer(chat_less, "<bos>Q: hi A:", "-n", 7, "--temperature", 0)
    assert chat(chat_less, ["hi"], "-n", 7, "--temperature", 0, "--chat-template", file) == expected + "\n"
    file.write_text("a\n{% macro x() %}")
    assert chat_less.error("chat", "--chat-template", file, input=b"hi\n") == (
        f"chat: {file}:2: unsupported statement macro\n")
    assert "No such file" in chat_less.error("chat", "--chat-template", tmp_path / "absent", input=b"hi\n")


@pytest.fixture(scope="module")
def chat_less(chat):  # noqa: F811: the fake of conftest.py, which has no template
    return chat


def test_what_cannot_be_answered(talker):
    assert "the conversation has" in talker.error("chat", "--context", 64, input=b"x" * 100 + b"\n")
    assert "is not UTF-8 at byte 1" in talker.error("chat", input=b"a\xff\n")
    # A full context ends the answer.
    text = chat(talker, ["x" * 40], "--context", 64)
    assert len(text) <= 64
    assert talker.run("chat", input=b"").stdout == b""


class Terminal:
    """`chat` behind a pseudo terminal; stdout is one too."""

    def __init__(self, fake, *options):
        self.child, self.master = pty.fork()
        if self.child == 0:
            os.execv(fake.path, [str(fake.path), "chat", *map(str, options)])
        self.text = ""

    def send(self, keys):
        os.write(self.master, keys.encode())

    def expect(self, pattern, timeout=60):
        """Reads until `pattern`, a regular expression; returns its match and drops what was read."""
        end = time.monotonic() + timeout
        while not (found := re.search(pattern, self.text, re.S)):
            assert time.monotonic() < end, repr(self.text)
            if select.select([self.master], [], [], 0.2)[0]:
                try:
                    self.text += os.read(self.master, 65536).decode(errors="replace")
                except OSError:
                    assert re.search(pattern, self.text, re.S), repr(self.text)
        self.text = self.text[found.end():]
        return found

    def status(self):
        for _ in range(600):
            done, status = os.waitpid(self.child, os.WNOHANG)
            if done:
                os.close(self.master)
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.1)
        os.kill(self.child, signal.SIGKILL)
        raise AssertionError("does not end")


def test_line_editing(talker):
    expected = re.escape(answer(talker, "<bos>[user]wörld hi世[assistant]", "-n", 6).rstrip())
    terminal = Terminal(talker, "-n", 6)
    terminal.expect("> ")
    # Typed out of order, with a word, characters and a rest removed.
    terminal.send("world hi世xx\x1b[D\x1b[D\x0b" + "\x01\x1b[C\x1b[3~ö" + "\x05 word\x17\x7f\r")
    terminal.expect(r"\r\n" + expected + r"\r\n.*> ")
    terminal.send("/reset\r")
    terminal.expect(r"\n.*> ")
    terminal.send("new\x1b[A\x1b[A\x1b[B\x1b[A\r")  # the first line again
    terminal.expect(r"\r\n" + expected + r"\r\n.*> ")
    terminal.send("\x04")
    assert terminal.status() == 0


def test_interrupts(talker):
    terminal = Terminal(talker, "--context", 1000)
    terminal.expect("> ")
    terminal.send("unsent\x03")
    terminal.expect("once more.*> ")
    terminal.send("/reset\r")
    terminal.expect(r"\n.*> ")
    terminal.send("\x03")
    terminal.expect("once more.*> ")
    terminal.send("\x03")
    assert terminal.status() == 0


def test_interrupt_stops_the_answer(talker, tmp_path):
    """The prompt comes back, and the program lives."""
    file = tmp_path / "t.jinja"
    file.write_text("{{ messages[-1].content * 3 }}")  # some prompts have no early end
    terminal = Terminal(talker, "--context", 1000, "--chat-template", file)
    terminal.expect("> ")
    stopped = False
    for attempt in range(40):
        terminal.send(f"go {attempt}\r")
        terminal.expect(r"\n")
        os.kill(terminal.child, signal.SIGINT)
        stopped |= "(stopped)" in terminal.expect(r".*\r\x1b\[2C|.*> \x1b\[K\r\x1b\[2C")[0]
        if stopped:
            break
    assert stopped
    terminal.send("/exit\r")
    assert terminal.status() == 0


def test_interrupt_of_a_file(talker):
    process = subprocess.Popen([talker.path, "chat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    process.stdin.write(b"hi\n")
    process.stdin.flush()
    assert process.stdout.readline()
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
