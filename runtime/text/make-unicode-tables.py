#!/usr/bin/env python3
"""Writes UnicodeTables.inc: character classes as the `tokenizers` package sees them.

PCRE2 in Debian 12 carries the tables of Unicode 14 and the package newer ones, so the same pattern
would split recent characters differently. This script asks the package for every class by running
it on all scalar values, and writes what it has beyond Unicode 14 (Python 3.11's own tables), plus
the whole classes of digits and of word characters. Needs Python 3.11 and `pip install tokenizers`.

    python3 make-unicode-tables.py > UnicodeTables.inc
"""

import sys
import unicodedata

import tokenizers
from tokenizers import Regex, pre_tokenizers

CATEGORIES = [
    "L", "Lu", "Ll", "Lt", "Lm", "Lo", "M", "Mn", "Mc", "Me", "N", "Nd", "Nl", "No",
    "P", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "S", "Sm", "Sc", "Sk", "So", "Z", "Zs", "Zl", "Zp",
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
    members = sorted(members)
    out = []
    for c in members:
        if out and out[-1][1] == c - 1:
            out[-1][1] = c
        else:
            out.append([c, c])
    return out


def emit(name, members):
    print(f"inline constexpr CodePointRange {name}[] = {{")
    line = "   "
    for low, high in ranges(members):
        item = f" {{0x{low:X}, 0x{high:X}}},"
        if len(line) + len(item) > 80:
            print(line)
            line = "   "
        line += item
    print(line)
    print("};")


def main():
    if unicodedata.unidata_version != "14.0.0":
        sys.exit(f"expected Python with Unicode 14.0.0, got {unicodedata.unidata_version}")
    known = {c: unicodedata.category(chr(c)) for c in SCALARS}
    classes = {name: (class_of(rf"\p{{{name}}}"), {c for c in SCALARS if known[c].startswith(name)})
               for name in CATEGORIES}
    classes["w"] = (class_of(r"\w"), {c for c in SCALARS if known[c][0] in "LM" or known[c] in ("Nd", "Nl", "Pc")})
    print("// Written by make-unicode-tables.py from the Python package tokenizers")
    print(f"// {tokenizers.__version__}; not edited by hand.")
    print()
    additions = []
    for name, (now, before) in classes.items():
        if removed := before - now:
            print(f"{name}: the package lacks {sorted(map(hex, removed))}", file=sys.stderr)
        if added := now - before:
            additions.append(name)
            print(f"/// `{name}`, beyond Unicode 14.")
            emit(f"added{name.capitalize()}", added)
            print()
    print("/// What the Digits pre-tokenizer takes for a digit.")
    emit("numericCharacters", numeric())
    print()
    print("/// All word characters.")
    emit("wordCharacters", classes["w"][0])
    print()
    print("inline constexpr ClassAdditions classAdditions[] = {")
    for name in classes:
        print(f'    {{"{name}", {{{f"added{name.capitalize()}" if name in additions else ""}}}}},')
    print("};")


main()
