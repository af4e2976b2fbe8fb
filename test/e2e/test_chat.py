"""Conversations with compiled models, and chat templates in the compiler."""

import json
import shutil

import pytest


def test_the_bundled_model_answers(tiny):
    talk = ["chat", "-n", 12, "--temperature", 0]
    lines = b"three plus four is\n/reset\nthe letter before h is\n"
    assert tiny.run(*talk, input=lines) == "seven\ng\n"
    # The template, written out.
    prompt = "<｜begin▁of▁sentence｜>User: three plus four is\n\nAssistant:"
    ids = tiny.run("tokenize", "--no-bos", "--text", prompt).strip()
    once = tiny.json("generate", "--tokens", ids, "-n", 12,
                     "--temperature", 0)
    assert once["text"].strip() == "seven"


@pytest.fixture
def model(tiny_model, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(tiny_model, folder)
    return folder


def test_templates_are_checked_when_compiling(compiled, model, tmp_path):
    config = json.loads((model / "tokenizer_config.json").read_text())
    config["chat_template"] = "a\n{{ messages | map('upper') }}"
    (model / "tokenizer_config.json").write_text(json.dumps(config))
    message = compiled.refusal(model, tmp_path / "out")
    assert ("tokenizer_config.json: chat_template:2: unsupported filter map; "
            "--chat-template FILE takes another one") in message
    # A file of the model goes before its configuration, an option before both.
    (model / "chat_template.jinja").write_text("{% include 'x' %}")
    message = compiled.refusal(model, tmp_path / "out")
    assert "chat_template.jinja:1: unsupported statement include" in message
    file = tmp_path / "mine.jinja"
    file.write_text("{{ bos_token }}{{ messages[0].content }}")
    program = compiled.folder_of(model, "--target=native", "--chat-template",
                                 file)
    expected = program.generate("--prompt", "three plus four is", "-n", 12,
                                "--temperature", 0)
    assert program.run("generate", "--chat", "--prompt", "three plus four is",
                       "-n", 12, "--temperature", 0) == expected["text"] + "\n"


def test_models_without_a_tokenizer(compiled):
    program = compiled.vector("T2")
    assert "text needs a tokenizer" in program.error("chat", input=b"")
