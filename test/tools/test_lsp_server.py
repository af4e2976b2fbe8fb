"""dsv2-lsp-server as an editor uses it."""

import subprocess

import pytest

from test.tools.language_server import LanguageServer

URI = "test:///layer.mlir"
TEXT = """\
func.func @mlp(%x: tensor<?x128xbf16>, %gate: tensor<256x128xbf16>,
               %up: tensor<256x128xbf16>) -> tensor<?x256xbf16> {
  %g = dsv2.linear %x, %gate : (tensor<?x128xbf16>, tensor<256x128xbf16>) -> tensor<?x256xbf16>
  %u = dsv2.linear %x, %up : (tensor<?x128xbf16>, tensor<256x128xbf16>) -> tensor<?x256xbf16>
  %y = dsv2.swiglu %g, %u : (tensor<?x256xbf16>, tensor<?x256xbf16>) -> tensor<?x256xbf16>
  return %y : tensor<?x256xbf16>
}
"""
LINES = TEXT.splitlines()


@pytest.fixture
def program(compile_program):
    path = compile_program.parent / "dsv2-lsp-server"
    if not path.exists():
        pytest.skip(f"{path} is not built")
    return path


@pytest.fixture
def server(program):
    with LanguageServer(program) as server:
        yield server


def position(line, text):
    return LINES[line].index(text)


def test_a_valid_file_has_no_diagnostics(server):
    assert server.open(URI, TEXT) == []


def test_a_verifier_error_stands_at_its_line(server):
    wrong = TEXT.replace("%u : (tensor<?x256xbf16>, tensor<?x256xbf16>)",
                         "%x : (tensor<?x256xbf16>, tensor<?x128xbf16>)")
    [diagnostic] = server.open(URI, wrong)
    assert diagnostic["range"]["start"]["line"] == 4
    assert diagnostic["severity"] == 1
    assert "'dsv2.swiglu' op" in diagnostic["message"]
    # It goes when the text is mended.
    assert server.change(URI, 2, TEXT) == []


def test_a_syntax_error_stands_at_its_line(server):
    [diagnostic] = server.open(URI, TEXT.replace("dsv2.swiglu", "dsv2.swigul"))
    assert diagnostic["range"]["start"]["line"] == 4
    assert "dsv2.swigul" in diagnostic["message"]


def test_hover_tells_an_op_and_a_value(server):
    server.open(URI, TEXT)
    op = server.at("hover", URI, 3, position(3, "dsv2.linear"))["contents"]["value"]
    assert '"dsv2.linear"' in op
    assert "tensor<?x256xbf16>" in op
    value = server.at("hover", URI, 4, position(4, "%u"))["contents"]["value"]
    assert "dsv2.linear" in value
    assert "tensor<?x256xbf16>" in value


def test_definition_and_references_of_a_value(server):
    server.open(URI, TEXT)
    [found] = server.at("definition", URI, 4, position(4, "%u"))
    assert found["range"]["start"] == {"line": 3, "character": 2}
    uses = server.at("references", URI, 3, position(3, "%u"),
                     context={"includeDeclaration": False})
    assert 4 in [use["range"]["start"]["line"] for use in uses]


def test_completion_offers_the_ops_of_the_dialect(server):
    text = TEXT.replace("%y = dsv2.swiglu", "%y = dsv2.")
    server.open(URI, text)
    answer = server.at("completion", URI, 4, len("  %y = dsv2."))
    labels = {item["label"] for item in answer["items"]}
    assert {"dsv2.swiglu", "dsv2.linear", "dsv2.mla_attention"} <= {
        label if label.startswith("dsv2.") else f"dsv2.{label}" for label in labels}


def test_files_of_each_stage_are_understood(server, compile_program, tiny_model):
    for stage in ("import", "optimized", "planned", "lowered"):
        text = subprocess.run(
            [compile_program, tiny_model, f"--emit={stage}", "--target=x86-64-v3"],
            check=True, capture_output=True, text=True).stdout
        assert server.open(f"test:///{stage}.mlir", text) == [], stage


def test_it_ends_when_asked(server):
    server.open(URI, TEXT)
    assert server.shutdown() == 0
