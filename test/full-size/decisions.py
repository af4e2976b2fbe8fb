#!/usr/bin/env python3
"""What the compiler decided for a model, as a short text: the ops of its layer
functions with their forms, ranges and result types, without names of values.

Reads a module on standard input. `decisions.py --renew BIN` writes the files in
Inputs that decisions.test compares with, by the programs in the folder BIN;
whoever changes a decision looks at their difference and commits it.
"""

import re
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
MODELS = ["v2", "v2-lite", "v2.5"]
STEPS = "dsv2-specialize-steps"  # shows a step of decoding and one of prefill
FUNCTION = re.compile(r"  func\.func (?:private )?@(\w+)\(")
OP = re.compile(r"    (?:%[\w:]+ = )?dsv2\.(\w+)(.*)")
LEFT_OUT = {"batch_count", "barrier"}


def describe(name, rest):
    """One op: what stands between the values, and the types of its results."""
    form, _, types = rest.partition(" : ")
    form = re.sub(r"eps = \S+", "", form)
    form = re.sub(r"\(((?:%[\w#]+,? ?)+)\)", lambda m: f"({m[1].count('%')})", form)
    form = re.sub(r"\[?%[\w#]+(?:\[[^\]]*\])?\]?,?", "", form)
    results = re.findall(r"(?:tensor|memref)<([^<>]*?)(?:, #cache)?>", types.rpartition("->")[2])
    words = [word for word in form.replace(",", " ").split() if word]
    return " ".join(["  " + name, *words, "->", ", ".join(results)] if results else ["  " + name, *words])


def summarize(text):
    lines, shown, barriers, function = [], False, 0, None
    for line in text.splitlines():
        if line.startswith("module attributes"):
            lines.append(line.removesuffix(" {"))
        if found := FUNCTION.match(line):
            function = found[1]
            shown, barriers = "layer" in function, 0
            if shown:
                lines.append(f"@{function}")
        elif line == "  }":
            if shown and barriers:
                lines.append(f"  {barriers} barriers")
        elif shown and (found := OP.match(line)):
            barriers += found[1] == "barrier"
            if found[1] not in LEFT_OUT:
                lines.append(describe(*found.groups()))
    return "\n".join(lines) + "\n"


def renew(folder):
    for model in MODELS:
        compile_model = [folder / "dsv2-compile", FOLDER.parent / "models/configs" / model,
                         "--weights=random", "--target=x86-64-v3"]
        run = lambda *command, text="": subprocess.run(
            command, input=text, check=True, capture_output=True, text=True).stdout
        optimized = run(*compile_model, "--emit=optimized")
        inputs = {"steps": run(folder / "dsv2-opt", f"--{STEPS}", text=optimized),
                  "planned": run(*compile_model, "--emit=planned")}
        for kind, text in inputs.items():
            (FOLDER / "Inputs" / f"{model}.{kind}").write_text(summarize(text))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--renew"]:
        renew(Path(sys.argv[2]))
    else:
        sys.stdout.write(summarize(sys.stdin.read()))
