"""Writes docs/BadInput.md from the lists of this folder.

    python -m test.bad_input.table
"""

from test.bad_input import FOLDER, suites

PAGE = FOLDER.parents[1] / "docs" / "BadInput.md"

INTRODUCTION = """\
# Bad input

What wrong inputs get: one line on stderr and exit status 1 or 2, no output file, no signal, no hang. The tables are made
from the lists in `test/bad_input`, which the tests read, by `python -m test.bad_input.table`; a test says when they differ.
`...` stands for anything, `{name}` for a name or a path of the case.

{classes} classes, {cases} cases in {lists} lists.
"""

# What the tables do not say.
NOTES = """\
## Rules behind the tables

- **Values that are not finite.** A weight that is NaN or infinite is refused while weights are packed, with its tensor and
  place: no DeepSeek-V2 has one, and a broken download or a broken conversion often does. The check reads what packing
  reads anyway.
- **Tensors that the model does not use** are errors by name, with three exceptions that a note counts: rotary frequencies
  (`*.rotary_emb.inv_freq`) that old exports saved, layers beyond `num_hidden_layers` (multi-token prediction), and a head
  of its own beside tied embeddings. The list is `reasonToIgnore` in `frontend/CheckpointTypes.cpp`.
- **Unknown keys of `config.json`** are ignored with a note; those that are known to change the result are errors unless
  they have the value that changes nothing.
- **Notes** are about what was made and printed when it is: an error stands alone.
- **Links.** The files of a checkpoint may be symbolic links to anywhere, as in the cache of Hugging Face; an index may only
  name files of its own folder.
- **A checkpoint that is replaced or removed** while it is read (`mv`, `rm`) is read on as it was opened. One that is
  written to in place is refused, whatever was written.
"""


def cell(text):
    return text.replace("|", "\\|").replace("\n", "\\n")


def section(suite):
    rows = list(suite.rows())
    counted = any(count != 1 for *_, count in rows)
    lines = [f"## {suite.title}", "", suite.about,
             f"List: `test/bad_input/{suite.path.name}`; test: `{suite.test}`.", "",
             "| class | message |" + (" cases |" if counted else ""),
             "|---|---|" + ("---|" if counted else "")]
    for name, message, count in rows:
        lines.append(f"| {cell(name)} | `` {cell(message)} `` |"
                     + (f" {count} |" if counted else ""))
    return "\n".join(lines) + "\n"


def page():
    found = suites()
    rows = [row for suite in found for row in suite.rows()]
    introduction = INTRODUCTION
    for name, value in {"classes": len(rows), "lists": len(found),
                        "cases": sum(count for *_, count in rows)}.items():
        introduction = introduction.replace("{" + name + "}", str(value))
    return "\n".join([introduction, *map(section, found), NOTES])


if __name__ == "__main__":
    PAGE.write_text(page())
