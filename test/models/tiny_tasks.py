"""The text the bundled model is trained on: small tasks in words, made here.

A task is a pair (prompt, answer); the model reads the prompt and must continue
with the answer and then end. Everything is drawn from a seeded generator, and
`is_held_out` splits prompts by a hash of their text, so that training never
sees an evaluation prompt whatever the seed.
"""

import zlib

UNITS = ("zero one two three four five six seven eight nine ten eleven twelve "
         "thirteen fourteen fifteen sixteen seventeen eighteen nineteen").split()
TENS = "- - twenty thirty forty fifty sixty seventy eighty ninety".split()
WORDS = ("red blue green white black cat dog bird fish horse tree river stone "
         "cloud moon star rain snow fire wind apple bread milk salt honey boat "
         "road house door lamp").split()
DAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
LETTERS = "abcdefghijklmnopqrstuvwxyz"
GREETING = "I can add, subtract, compare, count, spell, copy and reverse."

# Kinds of `draw`, with how often training sees each: first all evenly, then
# mostly those that are slow to learn.
KIND_WEIGHTS = {"plus": 6, "minus": 5, "more": 2, "larger": 2, "count": 3,
                "letters": 2, "next": 1, "day": 1, "copy": 2, "reverse": 3,
                "last": 1}
LATE_KIND_WEIGHTS = {"plus": 14, "minus": 9, "more": 3, "larger": 1, "count": 5,
                     "letters": 1, "next": 1, "day": 1, "copy": 1, "reverse": 1,
                     "last": 1}
# Kinds with too few prompts to hold any out: learnt by heart, not evaluated.
FACT_KINDS = ("next", "day")


def number(n):
    """0..99 in English words."""
    if n < 20:
        return UNITS[n]
    return TENS[n // 10] + ("-" + UNITS[n % 10] if n % 10 else "")


def _pair(rng):
    """Two numbers with sum at most 99, small ones oftener than their share."""
    top = rng.choice((10, 20, 99, 99, 99))
    total = rng.randint(0, top)
    first = rng.randint(0, total)
    return first, total - first


def draw(rng, kind):
    """One random (prompt, answer) of `kind`."""
    if kind == "plus":
        a, b = _pair(rng)
        return f"{number(a)} plus {number(b)} is", " " + number(a + b)
    if kind == "minus":
        a, b = _pair(rng)
        return f"{number(a + b)} minus {number(b)} is", " " + number(a)
    if kind == "more":
        a, b = rng.sample(range(100), 2)
        return (f"is {number(a)} more than {number(b)}?",
                " yes" if a > b else " no")
    if kind == "larger":
        a, b = rng.sample(range(100), 2)
        return (f"the larger of {number(a)} and {number(b)} is",
                " " + number(max(a, b)))
    if kind == "count":
        a = rng.randint(0, 99)
        b = min(max(a + rng.choice((-1, 1)) * rng.randint(1, 12), 0), 99)
        step = 1 if b >= a else -1
        return (f"count from {number(a)} to {number(b)}:",
                "".join(" " + number(n) for n in range(a, b + step, step)))
    if kind == "letters":
        a, b = rng.sample(range(26), 2)
        step = 1 if b >= a else -1
        return (f"letters from {LETTERS[a]} to {LETTERS[b]}:",
                "".join(" " + LETTERS[i] for i in range(a, b + step, step)))
    if kind == "next":
        a = rng.randrange(26)
        if a == 25 or (a and rng.random() < 0.5):
            return f"the letter before {LETTERS[a]} is", " " + LETTERS[a - 1]
        return f"the letter after {LETTERS[a]} is", " " + LETTERS[a + 1]
    if kind == "day":
        a = rng.randrange(7)
        return f"the day after {DAYS[a]} is", " " + DAYS[(a + 1) % 7]
    words = [rng.choice(WORDS) for _ in range(rng.randint(2, 8))]
    text = " ".join(words)
    if kind == "copy":
        return f"copy {text}:", " " + text
    if kind == "reverse":
        words = words[:6]
        return (f"reverse {' '.join(words)}:",
                "".join(" " + word for word in reversed(words)))
    if kind == "last":
        return f"the last word of {text} is", " " + words[-1]
    raise ValueError(f"unknown kind {kind}")


def is_held_out(kind, prompt):
    """Whether `prompt` belongs to evaluation, one in twelve; the sum that the
    README shows stays in training."""
    if kind in FACT_KINDS or prompt == "three plus four is":
        return False
    return zlib.crc32(prompt.encode()) % 12 == 0


def draw_split(rng, kind, held_out):
    """Draws until the prompt is on the wanted side of the split."""
    while True:
        prompt, answer = draw(rng, kind)
        if is_held_out(kind, prompt) == held_out:
            return prompt, answer


def draw_kind(rng, weights=KIND_WEIGHTS):
    return rng.choices(list(weights), list(weights.values()))[0]


def document(rng, weights=KIND_WEIGHTS):
    """One training document: a list of (prompt, answer) lines."""
    count = 1 if rng.random() < 0.4 else rng.randint(2, 14)
    kinds = [draw_kind(rng, weights) for _ in range(count)]
    return [(kind, *draw_split(rng, kind, held_out=False)) for kind in kinds]
