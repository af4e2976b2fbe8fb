"""The command render: conversations into what the model sees."""

import json
import subprocess

import pytest

TEMPLATE = """\
{{ bos_token }}{% for m in messages %}
{% if m.role == 'system' and not loop.first %}{{ raise_exception('a system prompt comes first') }}{% endif %}
[{{ m.role }}]{{ m.content }}{% if m.role == 'assistant' %}<eos>{% endif %}
{% endfor %}
{% if add_generation_prompt %}[assistant]{% endif %}"""
USER = {"role": "user", "content": 'é\n"<🙂>"'}
SYSTEM = {"role": "system", "content": "be brief"}
ANSWER = {"role": "assistant", "content": " ok "}


@pytest.fixture(scope="module")
def talker(make_fake, tmp_path_factory):
    """A fake with a chat template and no tokenizer."""
    config = tmp_path_factory.mktemp("talker") / "tokenizer_config.json"
    config.write_text(json.dumps({"bos_token": "<bos>",
                                  "chat_template": TEMPLATE}))
    return make_fake("renderer", f"tokenizer_config.json={config}")


def jsonl(lines):
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


def answers(text):
    return [json.loads(line) for line in text.splitlines()]


def test_conversations(talker, tmp_path):
    user = '[user]é\n"<🙂>"'
    lines = [
        {"messages": [USER]},
        {"messages": [SYSTEM, USER], "id": "ä", "add_generation_prompt": True},
        {"messages": [USER, ANSWER], "add_generation_prompt": False, "id": -7},
        {"messages": [USER, ANSWER, USER], "id": 2**64 - 1},
        {"messages": [], "id": None}]
    expected = [
        {"text": f"<bos>{user}[assistant]"},
        {"id": "ä", "text": f"<bos>[system]be brief{user}[assistant]"},
        {"id": -7, "text": f"<bos>{user}[assistant] ok <eos>"},
        {"id": 2**64 - 1,
         "text": f"<bos>{user}[assistant] ok <eos>{user}[assistant]"},
        {"text": "<bos>[assistant]"}]
    assert answers(talker.ok("render", input=jsonl(lines))) == expected
    file = tmp_path / "talks.jsonl"
    file.write_bytes(b"\r\n".join(jsonl(lines).splitlines()))
    assert answers(talker.ok("render", "--file", file)) == expected
    assert talker.ok("render", input=b"") == ""


def test_each_line_is_answered_at_once(talker):
    with subprocess.Popen([talker.path, "render"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as process:
        for name in "ab":
            process.stdin.write(jsonl([{"messages": [USER], "id": name}]))
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["id"] == name
        process.stdin.close()
        assert process.wait() == 0


def test_a_refusal_is_of_its_line_alone(talker):
    lines = [{"messages": [USER]}, {"messages": [USER, SYSTEM], "id": "b"},
             {"messages": [USER]}]
    result = talker.run("render", input=jsonl(lines))
    first, second, third = answers(result.stdout)
    assert first == third and "text" in first
    assert second["id"] == "b" and "text" not in second
    assert "a system prompt comes first" in second["error"]
    assert result.returncode == 1
    assert result.stderr.decode() == (
        "renderer: the template refuses 1 of 3 conversations, as their lines "
        "say\n")


def test_other_template_and_source(talker, tmp_path):
    assert talker.ok("render", "--source") == TEMPLATE
    file = tmp_path / "mine.jinja"
    file.write_text("{{ messages | length }}\n")
    assert talker.ok("render", "--source", "--chat-template", file) \
        == "{{ messages | length }}\n"
    assert answers(talker.ok("render", "--chat-template", file,
                             input=jsonl([{"messages": [USER, ANSWER]}]))) \
        == [{"text": "2"}]
    file.write_text("a\n{% include 'x' %}")
    assert "mine.jinja:2: unsupported statement include" in talker.error(
        "render", "--chat-template", file, "--source")


@pytest.mark.parametrize("line, message", [
    ("[]", "expected an object, got an array"),
    ("{}", "messages: missing, expected an array"),
    ('{"messages": {}}', "messages: expected an array"),
    ('{"messages": [], "prompt": "a"}',
     'unknown field "prompt", expected some of messages, '
     "add_generation_prompt, id"),
    ('{"messages": [5]}', "messages[0]: expected an object, got 5"),
    ('{"messages": [{"role": "tool", "content": ""}]}',
     'messages[0].role: expected system, user or assistant, got "tool"'),
    ('{"messages": [{"role": "user"}]}',
     "messages[0].content: missing, expected a string"),
    ('{"messages": [{"role": "user", "content": "", "name": "a"}]}',
     'messages[0]: unknown field "name", expected role and content'),
    ('{"messages": [], "add_generation_prompt": 1}',
     "add_generation_prompt: expected true or false, got 1"),
    ('{"messages": [], "id": 1.5}',
     "id: expected a string or an integer, got 1.5"),
    ('{"messages": [', "")])
def test_malformed_lines(talker, line, message):
    """What came before has been answered."""
    good = jsonl([{"messages": [USER]}])
    result = talker.run("render", input=good + b"\n" + line.encode() + b"\n")
    assert result.returncode == 1 and len(answers(result.stdout)) == 1
    error = result.stderr.decode()
    assert error.startswith("renderer: stdin:3:") and error.count("\n") == 1
    assert message in error
