"""Mixed text for tokenizer tests: every script, every awkward character, from a seed."""

import random

WORDS = (
    "the of and to in is that for it with as was on be at by this have from or one had not but what all were when we "
    "there can an your which their said if do will each about how up out them then she many some so these would other "
    "into has more her two like him see time could no make than first been its who now people my made over did down "
    "don't we're I'll they'd it's he've I'm naïve façade coöperate straße Ærø fiancée"
).split()

CODE = [
    "def f(x, y=0):\n    return x**2 + y  # comment\n",
    "for (int i = 0; i < n; ++i) { a[i] += b[i] * 0x1F; }\r\n",
    "SELECT * FROM t WHERE id >= 10 AND name LIKE '%x%';\n",
    "<div class=\"a-b_c\">&nbsp;</div>\n\n\n",
    "\tif err != nil {\n\t\treturn nil, fmt.Errorf(\"%w: %v\", ErrX, err)\n\t}\n",
    "https://example.org/a/b?c=d&e=f#g user@example.com ~/x.tar.gz\n",
    "{\"key\": [1, 2.5e-3, null, true]}",
    "#include <vector>\n\ntemplate <typename T> class X : public Y<T> {};\n",
]

RANGES = {
    "latin": (0x20, 0x7E), "latin1": (0xA0, 0xFF), "latin-ext": (0x100, 0x24F), "ipa": (0x250, 0x2AF),
    "combining": (0x300, 0x36F), "greek": (0x370, 0x3FF), "cyrillic": (0x400, 0x52F), "armenian": (0x531, 0x58F),
    "hebrew": (0x590, 0x5FF), "arabic": (0x600, 0x6FF), "devanagari": (0x900, 0x97F), "thai": (0xE00, 0xE7F),
    "georgian": (0x10A0, 0x10FF), "jamo": (0x1100, 0x11FF), "cherokee": (0x13A0, 0x13FF), "mongolian": (0x1800, 0x18AF),
    "phonetic": (0x1D00, 0x1DBF), "latin-add": (0x1E00, 0x1EFF), "greek-ext": (0x1F00, 0x1FFF),
    "punctuation": (0x2000, 0x206F), "super": (0x2070, 0x209F), "letterlike": (0x2100, 0x214F),
    "number-forms": (0x2150, 0x218F), "arrows": (0x2190, 0x21FF), "enclosed": (0x2460, 0x24FF), "box": (0x2500, 0x257F),
    "cjk-punct": (0x3000, 0x303F), "kana": (0x3040, 0x30FF), "hangul-compat": (0x3130, 0x318F), "cjk": (0x4E00, 0x9FFF),
    "hangul": (0xAC00, 0xD7A3), "fullwidth": (0xFF00, 0xFFEF), "private": (0xE000, 0xE0FF), "deseret": (0x10400, 0x1044F),
    "math": (0x1D400, 0x1D7FF), "emoji": (0x1F300, 0x1FAFF), "tags": (0xE0001, 0xE007F), "cjk-ext": (0x20000, 0x20200),
    "control": (0x00, 0x1F), "c1": (0x7F, 0x9F), "specials": (0xFFF0, 0xFFFF),
}

SPACES = ["\t", "\n", "\v", "\f", "\r", " ", "\x85", "\xa0", "\u1680", "\u180e", "\u2000", "\u2003", "\u200a", "\u200b",
          "\u2028", "\u2029", "\u202f", "\u205f", "\u3000", "\ufeff", "\x1c", "\x1d", "\x1e", "\x1f", "\0", "\r\n"]

EMOJI = ["👩\u200d👩\u200d👧\u200d👦", "🏳️\u200d🌈", "👍🏽", "🇩🇪", "❤️", "1️⃣", "😀", "🧑\u200d💻"]


def _sequence(rng, low, high, most=12):
    return "".join(chr(rng.randint(low, high)) for _ in range(rng.randint(1, most)))


def _scalar(rng):
    while True:
        c = rng.randint(0, 0x10FFFF)
        if not 0xD800 <= c <= 0xDFFF:
            return chr(c)


def _digits(rng):
    zero = rng.choice([0x30, 0x30, 0x660, 0x6F0, 0x966, 0xE50, 0xFF10, 0x1D7CE, 0x11066, 0x1E950, 0x11DA0, 0x16AC0])
    return "".join(chr(zero + rng.randint(0, 9)) for _ in range(rng.randint(1, 9)))


def _part(rng, special):
    kind = rng.randrange(14)
    if kind < 4:
        return " ".join(rng.choice(WORDS) for _ in range(rng.randint(1, 12))) + rng.choice([" ", ". ", ", ", "\n", "!? "])
    if kind == 4:
        return rng.choice(CODE)
    if kind < 8:
        return rng.choice(["", " ", "  "]) + _sequence(rng, *RANGES[rng.choice(list(RANGES))])
    if kind == 8:
        return "".join(rng.choice(SPACES) for _ in range(rng.randint(1, 6)))
    if kind == 9:
        return rng.choice(EMOJI) + rng.choice(["", " ", "e\u0301", "\ufe0f"])
    if kind == 10:
        return _digits(rng)
    if kind == 11:
        return "".join(_scalar(rng) for _ in range(rng.randint(1, 10)))
    if kind == 12:
        return rng.choice([" ", "a", "\n", "é", "中", "=", "-", "0", "\u3000", "\t"]) * rng.randint(2, 60)
    return rng.choice(special) if special else "<|x|>"


def mixed_texts(seed, total, special=()):
    """Texts of 0 to some 2000 characters, `total` characters together."""
    rng = random.Random(seed)
    texts = [""]
    while total > 0:
        length = rng.choice([1, 10, 100, 400, 2000])
        text = ""
        while len(text) < length:
            text += _part(rng, special)
        texts.append(text)
        total -= len(text)
    return texts


def long_runs(length):
    """Texts that quadratic algorithms do not finish."""
    yield from (c * length for c in ("a", " ", "\n", "中", "0", "é", "=", "ab"))
    yield " " * length + "中"
    yield " " * length + "x"
    yield ("a " * (length // 2)) + "\u3000"


def every_scalar():
    """Each scalar value between letters; of the unassigned planes 4 to 13, one block each."""
    for low in range(0, 0x110000, 0x800):
        if low != 0xD800 and (low < 0x40000 or low >= 0xE0000 or low % 0x10000 == 0):
            yield "a" + "a".join(chr(c) for c in range(low, low + 0x800)) + " "
