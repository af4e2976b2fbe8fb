"""`generate --prompts`: request lines in, result lines out."""

import json
import os
import pty
import signal
import subprocess
import time

import pytest

from test.runtime.test_commands import ids_of, listed


def write(tmp_path, requests):
    file = tmp_path / "requests.jsonl"
    file.write_text("".join(json.dumps(r) + "\n" for r in requests))
    return file


def results(text):
    return [json.loads(line) for line in text.splitlines()]


def alone(fake, request):
    """What `generate` gives for a request with `tokens`."""
    options = ["--tokens", listed(request["tokens"])]
    for field, option in (("max_tokens", "-n"), ("temperature", "--temperature"),
                          ("top_k", "--top-k"), ("top_p", "--top-p"),
                          ("seed", "--seed"), ("stop", "--stop")):
        if field in request:
            options += [option, request[field]]
    return fake.json("generate", *options)


def without_times(result):
    return {k: v for k, v in result.items() if k not in ("timing", "memory", "id")}


REQUESTS = [{"tokens": ids_of(length, length), "max_tokens": new,
             "temperature": temperature, "seed": new}
            for length, new, temperature in
            [(1, 50, 0), (200, 3, 1.5), (64, 90, 1.5), (17, 0, 0), (65, 120, 1),
             (130, 1, 0), (3, 33, 0.7)]]


@pytest.mark.parametrize("options", [
    (), ("--max-batch", 1), ("--max-batch", 2, "--threads", 3),
    ("--cache-memory", 4 * 64 * 2 * 16 * 4)])
def test_each_result_is_that_of_the_request_alone(bare, tmp_path, options):
    got = results(bare.ok("generate", "--prompts", write(tmp_path, REQUESTS),
                          *options))
    assert [r["id"] for r in got] == list(range(1, len(REQUESTS) + 1))
    for result, request in zip(got, REQUESTS, strict=True):
        assert without_times(result) == without_times(alone(bare, request))
        assert set(result["timing"]) == {
            "prefill_seconds", "prefill_tokens_per_second",
            "decode_seconds", "decode_tokens_per_second"}


def test_lines_from_stdin_with_names_of_their_own(chat):
    lines = ('\n{"prompt": "ab", "id": "x", "n": 4, "temperature": 0}\r\n'
             '{"prompt": "ab", "id": 18446744073709551615, "max_tokens": 4, '
             '"temperature": 0, "stop": "\\u0000"}')
    got = results(chat.ok("generate", "--prompts", "-", input=lines.encode()))
    assert [r["id"] for r in got] == ["x", 2 ** 64 - 1]
    want = chat.json("generate", "--prompt", "ab", "-n", 4, "--temperature", 0)
    assert [without_times(r) for r in got] == [without_times(want)] * 2


def test_a_line_counts_before_the_command_line(chat, tmp_path):
    base = {"tokens": [1, 2, 3]}
    given = {"-n": 9, "--temperature": 2, "--seed": 4, "--top-k": 300}
    lines = [base, {**base, "temperature": 0}, {**base, "seed": 5},
             {**base, "max_tokens": 2}]
    of_lines = [{}, {"--temperature": 0}, {"--seed": 5}, {"-n": 2}]

    def options(changed):
        return [o for pair in {**given, **changed}.items() for o in pair]
    got = results(chat.ok("generate", "--prompts", write(tmp_path, lines),
                          *options({})))
    want = [chat.json("generate", "--tokens", "1,2,3", *options(changed))
            for changed in of_lines]
    assert [without_times(r) for r in got] == [without_times(w) for w in want]
    assert len({tuple(r["tokens"]) for r in got}) == 4


def test_messages_go_through_the_template(make_fake, tokenizer, tmp_path):
    template = tmp_path / "t.jinja"
    template.write_text("{% for m in messages %}[{{ m.role }}]{{ m.content }}"
                        "{% endfor %}[assistant]")
    fake = make_fake("templated", f"tokenizer.json={tokenizer}",
                     f"chat_template={template}")
    lines = [{"messages": [{"role": "system", "content": "s"},
                           {"role": "user", "content": "u"}]}]
    file = write(tmp_path, lines)
    [got] = results(fake.ok("generate", "--prompts", file, "-n", 5))
    want = fake.json("generate", "--chat", "--system", "s", "--prompt", "u", "-n", 5)
    assert without_times(got) == without_times(want)
    # --chat: a prompt is a user's turn.
    file = write(tmp_path, [{"prompt": "u"}])
    [got] = results(fake.ok("generate", "--prompts", file, "-n", 5, "--chat",
                            "--system", "s"))
    assert without_times(got) == without_times(want)


@pytest.mark.parametrize("line, words", [
    ('{"tokens": [1], "max_tokens": "x"}', "max_tokens: expected an integer"),
    ('{"tokens": [300]}', "tokens[0]: expected an integer from 0 to 299, got 300"),
    ('{"tokens": []}', "tokens: has no tokens, expected at least one"),
    ('{"tokens": [' + "1," * 1000 + '1]}', "tokens: has 1001 tokens, the context 1000"),
    ('{"prompt": "a"}', "prompt: text needs a tokenizer"),
    ('{"messages": []}', "messages: text needs a tokenizer"),
    ('{"tokens": [1], "stop": "a"}', "stop: text needs a tokenizer"),
    ('{"tokens": [1], "tok": 1}', 'unknown field "tok"'),
    ('{"tokens": [1]', "invalid JSON"),
    ('[' * 100000, "levels of nesting")])
def test_a_wrong_line_is_named_before_anything_runs(bare, tmp_path, line, words):
    file = tmp_path / "bad.jsonl"
    file.write_text('{"tokens": [1]}\n\n' + line + "\n")
    result = bare.run("generate", "--prompts", file)
    message = result.stderr.decode()
    assert result.returncode == 1 and result.stdout == b""
    assert f"{file}:3" in message and words in message, message
    assert message.count("\n") == 1


def test_other_refusals(bare, tmp_path):
    file = write(tmp_path, [{"tokens": [1] * 100, "max_tokens": 100}])
    assert "expected a file, got a directory" in \
        bare.error("generate", "--prompts", tmp_path)
    assert "--system and --chat-template need --chat" in \
        bare.error("generate", "--prompts", file, "--system", "s", status=(2,))
    bare.error("generate", "--prompts", file, "--prompt", "a", status=(2,))
    # One text alone must fit.
    assert "--cache-memory allows" in \
        bare.error("generate", "--prompts", file, "--cache-memory", 3 * 8192)
    assert "a text of 200 tokens" not in bare.ok(
        "generate", "--prompts", file, "--cache-memory", 4 * 8192)
    assert bare.ok("generate", "--prompts", "-", input=b"\n\n") == ""


def test_a_full_disk_and_a_reader_that_leaves(bare, tmp_path):
    file = write(tmp_path, REQUESTS)
    with open("/dev/full", "w") as full:
        result = subprocess.run([bare.path, "generate", "--prompts", file],
                                stdout=full, stderr=subprocess.PIPE)
    assert result.returncode == 1 and b"No space left" in result.stderr
    process = subprocess.Popen([bare.path, "generate", "--prompts", file],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(60) == 1


def test_interrupt_keeps_what_is_done(bare, tmp_path):
    lines = [{"tokens": [5], "max_tokens": 1}]
    # Far too much work to end by itself.
    lines += [{"tokens": [1 + i % 50], "max_tokens": 990, "temperature": 2,
               "seed": i} for i in range(4000)]
    process = subprocess.Popen(
        [bare.path, "generate", "--prompts", write(tmp_path, lines)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    first = json.loads(process.stdout.readline())
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    got = [first, *results(out)]
    assert err == "" and process.returncode == 128 + signal.SIGINT
    assert [r["id"] for r in got] == sorted(r["id"] for r in got)
    assert 1 <= len(got) < len(lines)
    assert without_times(first) == without_times(alone(bare, lines[0]))


def test_a_bar_on_a_terminal_only(bare, tmp_path):
    command = [bare.path, "generate", "--prompts", write(tmp_path, REQUESTS)]
    ours, theirs = pty.openpty()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    out = process.stdout.read().decode()
    assert process.wait(60) == 0
    time.sleep(0.05)
    shown = os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert "requests" in shown and "%" in shown and "\n" not in shown
    assert len(results(out)) == len(REQUESTS)
    assert subprocess.run(command, capture_output=True).stderr == b""
