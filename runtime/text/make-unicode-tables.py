#!/usr/bin/env python3
"""Writes UnicodeTables.inc: character classes as the `tokenizers` package sees them.

The package's Unicode version is newer than that of Debian's libraries, so the same pattern would split recent characters
differently. This script asks the package itself, on every scalar value. Needs `pip install tokenizers==0.23.3`.

    python3 make-unicode-tables.py > UnicodeTables.inc
"""

import sys

import tokenizers
from tokenizers import Regex, pre_tokenizers

VERSION = "0.23.3"
CATEGORIES = [
    "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No",
    "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So", "Zs", "Zl", "Zp",
]
SCALARS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]


def class_of(pattern):
    """All scalar values that `pattern`, one character long, matches."""
    keep = pre_tokenizers.Split(Regex(pattern), "removed", invert=True)
    return {ord(c) for piece, _ in keep.pre_tokenize_str("".join(map(chr, SCALARS))) for c in piece}


def numeric():
    digits = pre_tokenizers.Digits(individual_digits=True)
    return {c for c in SCALARS if len(digits.pre_tokenize_str("a" + chr(c) + "a")) == 3}


def ranges(members):
    out = []
    for c in sorted(members):
        if out and out[-1][1] == c - 1:
            out[-1][1] = c
        else:
            out.append([c, c])
    return out


def emit(type_, name, items):
    print(f"inline constexpr {type_} {name}[] = {{")
    line = "   "
    for item in items:
        if len(line) + len(item) + 2 > 80:
            print(line)
            line = "   "
        line += f" {item},"
    print(line)
    print("};")


def emit_ranges(name, members):
    emit("CodePointRange", name, [f"{{0x{low:X}, 0x{high:X}}}" for low, high in ranges(members)])


def category_runs():
    """(first, category) of each run of equal categories."""
    categories = {}
    for name in CATEGORIES:
        for c in class_of(rf"\p{{{name}}}"):
            if c in categories:
                sys.exit(f"U+{c:04X} is both {categories[c]} and {name}")
            categories[c] = name
    for name in "LMNPSZ":
        if class_of(rf"\p{{{name}}}") != {c for c, category in categories.items() if category[0] == name}:
            sys.exit(f"{name} is not the union of its parts")
    if class_of(r"\d") != {c for c, category in categories.items() if category == "Nd"}:
        sys.exit(r"\d is not Nd")
    runs, last = [], None
    for c in range(0x110000):
        category = categories.get(c, "None")
        if category != last:
            runs.append(f"{{0x{c:X}, {category}}}")
            last = category
    return runs


def main():
    if tokenizers.__version__ != VERSION:
        sys.exit(f"expected tokenizers {VERSION}, got {tokenizers.__version__}")
    print("// Written by make-unicode-tables.py from the Python package tokenizers")
    print(f"// {VERSION}; not edited by hand.")
    print()
    print("/// Where runs of one general category begin.")
    emit("CategoryRun", "categoryRuns", category_runs())
    print()
    print("/// What the Digits pre-tokenizer takes for a digit.")
    emit_ranges("numericCharacters", numeric())
    print()
    print("/// White space: `\\s`.")
    emit_ranges("whiteSpaceCharacters", class_of(r"\s"))
    print()
    print("/// Word characters: `\\w`.")
    emit_ranges("wordCharacters", class_of(r"\w"))


main()
