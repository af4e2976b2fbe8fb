"""What the documentation shows is what the commands print."""

import re

import pytest

from test.docs import excerpts

BLOCKS = [pytest.param(page, number, id=f"{page.stem}-{number}")
          for page in excerpts.PAGES
          for number in range(len(excerpts.blocks(page)))]


@pytest.fixture(scope="module")
def commands(request, compile_program):
    def program(name):
        if name == "chat":
            return request.getfixturevalue("tiny_portable").path
        return compile_program.parent / name
    return excerpts.Commands(program)


@pytest.fixture(scope="module")
def tiny_portable(compiled, tiny_model):
    """As quickstart compiles it on a CPU that has all variants' features;
    what the excerpts show is the same on any."""
    return compiled.folder_of(tiny_model, "--target=avx512bf16,x86-64-v3")


@pytest.mark.parametrize("page, number", BLOCKS)
def test_excerpt(commands, page, number):
    block = excerpts.blocks(page)[number]
    assert block["text"] == commands.excerpt(block["source"]), (
        f"{page.name} is stale: python -m test.docs.excerpts renews it")


@pytest.mark.parametrize("page", excerpts.PAGES, ids=lambda page: page.name)
def test_every_marker_has_a_block(page):
    assert page.read_text().count("<!-- excerpt:") == len(excerpts.blocks(page))


@pytest.mark.parametrize("page", excerpts.PAGES, ids=lambda page: page.name)
def test_links_to_files(page):
    """Relative links lead somewhere."""
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), target
