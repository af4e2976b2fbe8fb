"""The messages that docs/Troubleshooting.md explains are what is printed."""

import shutil

import pytest

from test.docs import messages

BLOCKS = messages.blocks()


@pytest.fixture(scope="module")
def programs(compiled, tiny, tiny_model, tmp_path_factory):
    plain = tmp_path_factory.mktemp("plain") / "outside"
    plain.mkdir()
    for name in ("config.json", "model.safetensors"):
        shutil.copy(tiny_model / name, plain / name)
    outside = compiled.folder_of(plain, "--target=native", "--weights=external")
    return {"chat": tiny.path, "outside": outside.path}


@pytest.mark.parametrize("number", [
    i for i, block in enumerate(BLOCKS) if block["kind"] == "message"])
def test_message(number, programs, compile_program, tmp_path):
    block = BLOCKS[number]
    status, printed = messages.output(block["of"], tmp_path, programs,
                                      compile_program)
    assert messages.matches(block["text"], printed), printed
    assert status != 0


@pytest.mark.parametrize("number", [
    i for i, block in enumerate(BLOCKS) if block["kind"] == "source"])
def test_words_of_a_source(number):
    block = BLOCKS[number]
    assert not messages.missing_words(block["text"], block["of"])


def test_every_block_is_checked():
    text = messages.PAGE.read_text()
    assert len(BLOCKS) > 20
    assert text.count("\n```\n") == 2 * len(BLOCKS)
