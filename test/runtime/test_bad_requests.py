"""Wrong options and requests: the list test/bad_input/requests.json."""

import pytest

from test import bad_input

SUITE = bad_input.suite("requests")


@pytest.mark.parametrize("name", SUITE.cases)
def test_request(chat, name):
    case = SUITE.cases[name]
    # A lone surrogate stands for a byte that is not UTF-8, as Python passes it.
    result = chat.run(*case["arguments"], input=b"")
    line = result.stderr.decode()
    assert result.returncode == case["status"] and result.stdout == b"", line
    hint = "; see chat --help" if case["status"] == 2 else ""
    assert line.startswith("chat: ") and line.endswith(hint + "\n"), line
    bad_input.expect(line[len("chat: "):-len(hint + "\n")], case["message"])
