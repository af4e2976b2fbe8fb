"""What the comparison of two compiled files makes of its measurements."""

import argparse
import importlib.util
import pathlib

import pytest

SPEC = importlib.util.spec_from_file_location("paced", pathlib.Path(__file__).with_name("paced.py"))
paced = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(paced)


def arguments(*given):
    parser = argparse.ArgumentParser()
    paced.add_arguments(parser)
    return parser.parse_args(given)


class Clock:
    """A process that takes the same time each turn, and writes down that it was asked."""

    def __init__(self, name, seconds, asked):
        self.name, self.taken, self.asked = name, seconds, asked

    def seconds(self, cell):
        self.asked.append((self.name, cell))
        return self.taken

    def close(self):
        pass


def test_cells_are_in_the_order_of_bench():
    assert paced.cells_of(arguments("--prompt", "16,128", "--batch", "1", "--depth", "0,64", "--threads", "2")) == [
        "prefill 16, 2 thr.", "prefill 128, 2 thr.", "decode of 1, 2 thr.",
        "prefill 16 after 64, 2 thr.", "prefill 128 after 64, 2 thr.", "decode of 1 after 64, 2 thr."]
    assert paced.cells_of(arguments("--gen", "0", "--threads", "1")) == ["prefill 128, 1 thr.", "prefill 512, 1 thr."]


def test_turns_change_their_order_and_are_as_many_as_asked():
    asked = []
    ratios = paced.take_turns(Clock("a", 2.0, asked), Clock("b", 3.0, asked), ["cell"], arguments("--turns", "3"))
    assert ratios == [[1.5, 1.5, 1.5]]
    assert [name for name, _ in asked] == ["a", "b", "a", "b", "b", "a", "a", "b"]


def test_turns_go_on_until_the_time_is_over(monkeypatch):
    now = iter(range(100))
    monkeypatch.setattr(paced.time, "monotonic", lambda: next(now))
    ratios = paced.take_turns(Clock("a", 1.0, []), Clock("b", 1.0, []), ["cell"], arguments("--turns", "2", "--seconds", "5"))
    assert len(ratios[0]) == 6


def test_who_starts_first_alternates(monkeypatch):
    asked = []
    monkeypatch.setattr(paced, "Paced", lambda file, args: Clock(file, {"new": 1.0, "old": 4.0}[file], asked))
    ratios = paced.compare("new", "old", ["one", "two"], arguments("--turns", "1"), 3)
    assert ratios == [[[4.0]] * 3, [[4.0]] * 3]
    starts = [asked[i * 10][0] for i in range(3)]
    assert starts == ["new", "old", "new"]


@pytest.mark.parametrize("pairs, text", [
    ([[1.0]], "1.000 (1.000–1.000)"),
    ([[1.0, 3.0], [2.0]], "2.000 (1.000–3.000)"),
    # 1 to 100: the median's 95% lie between the 40th and the 61st.
    ([[float(i) for i in range(1, 51)], [float(i) for i in range(51, 101)]], "50.500 (40.000–61.000)"),
])
def test_summary_is_of_all_turns(pairs, text):
    assert paced.summary(pairs) == text
