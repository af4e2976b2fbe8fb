"""The page of bad inputs is made of the lists that the tests read."""

import pytest

from test import bad_input
from test.bad_input import table

ROOT = bad_input.FOLDER.parents[1]
SUITES = bad_input.suites()


def test_the_page_is_current():
    assert table.PAGE.read_text() == table.page(), (
        "docs/BadInput.md is stale: python -m test.bad_input.table renews it")


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.path.stem)
def test_its_test_reads_it(suite):
    """No list without a test; each class once, each message one line."""
    assert suite.path.stem in (ROOT / suite.test).read_text()
    rows = list(suite.rows())
    assert len({name for name, *_ in rows}) == len(rows)
    for name, message, count in rows:
        assert message and "\n" not in message and count > 0, name


def test_patterns():
    bad_input.expect("a: b, got 7", "{x}: b, got ...", x="a")
    for pattern in ("{x}: b", "b, got 7", "a. b, got 7"):
        with pytest.raises(AssertionError):
            bad_input.expect("a: b, got 7", pattern, x="a")
