"""Wrong inputs and the messages that they get, as data.

Each `*.json` here is a list: a title, the test that runs it, and cases with a
`class` (a few words), a `message` and what the test needs to make the input.
In a message `...` stands for anything and `{name}` for what the test fills in.
The GoogleTests and pytests read these files, and `docs/BadInput.md` is made of
them (`python -m test.bad_input.table`), so that the page is what is tested.
"""

import json
import re
from pathlib import Path

FOLDER = Path(__file__).parent


class Suite:
    """One list. Its cases are `(class, example message, count)` in `rows`."""

    def __init__(self, path):
        self.path = path
        self.data = json.loads(path.read_text())
        self.title, self.about = self.data["title"], self.data["about"]
        self.test = self.data["test"]

    @property
    def cases(self):
        """{class: the whole case} of a list with `cases`."""
        found = {case["class"]: case for case in self.data["cases"]}
        assert len(found) == len(self.data["cases"]), "a class twice"
        return found

    def rows(self):
        if "fields" in self.data:
            return field_rows(self.data)
        return [(case["class"] + (f" ({case['crate']})" if "crate" in case else ""),
                 case["message"], 1) for case in self.data["cases"]]


def field_rows(data):
    """One row for each kind of wrong value: how many fields refuse it."""
    for kind, value in data["values"].items():
        refuse = [(name, field) for name, field in data["fields"].items()
                  if kind not in field.get("accepts", ())]
        name, field = next((name, field) for name, field in refuse
                           if "expected" in field and '"' not in field["expected"])
        message = f"config.json: {name}: expected {field['expected']}, got {value['shown']}"
        if kind == "missing":
            message = f"config.json: {name}: missing, expected {field['expected']}"
        elif kind == "not a number":
            message = "config.json:1:9: invalid JSON: ..."
        yield kind, message, len(refuse)


def suite(name):
    return Suite(FOLDER / f"{name}.json")


def suites():
    return [Suite(path) for path in sorted(FOLDER.glob("*.json"))]


def expect(message, pattern, **names):
    """Fails unless `message` is `pattern` with its names filled in."""
    for name, value in names.items():
        pattern = pattern.replace("{" + name + "}", str(value))
    want = ".*".join(map(re.escape, pattern.split("...")))
    assert re.fullmatch(want, message), f"expected {pattern}\ngot      {message}"
