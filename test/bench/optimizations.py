#!/usr/bin/env python3
"""What each optimization of dsv2-compile is worth on the CPU.

Compiles one model with all optimizations, with each one left out (`--disable`), and with none. Then the file with all and one of
the others run beside each other (`bench --paced`) and take turns, measurement by measurement, so that whatever else the
machine does meets both alike. Prints a Markdown table of speed with all optimizations against without the one (above 1: the
optimization wins): medians of the ratios of turns. The first row compares the file with itself: what the rest is sure to.
Two processes of one file differ too, by where their pages lie, so the first two rows are medians over `--pairs` pairs of
processes, with their ranges.

    python3 test/bench/optimizations.py test/models/configs/v2-lite --layers 6 --turns 7 --pairs 5
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

SAME, NONE = "nothing (the same file)", "all of them"


def compile_variants(args, folder):
    """The file with all optimizations, and one for each variant: its name to its path."""
    listed = subprocess.run([args.compiler, "--list-optimizations"], check=True, capture_output=True, text=True)
    names = [line.split()[0] for line in listed.stdout.splitlines() if line.strip()]
    disabled = {SAME: [], NONE: names} | {name: [name] for name in names}
    files = {}
    for variant, leave_out in disabled.items():
        if args.only and variant not in (SAME, NONE, *args.only):
            continue
        files[variant] = folder / f"{len(files)}"
        command = [args.compiler, args.model, "--weights=random", "--target=native", "--max-context=8192", "-o", files[variant]]
        if args.layers:
            command.append(f"--layers={args.layers}")
        if leave_out:
            command.append("--disable=" + ",".join(leave_out))
        subprocess.run(command, check=True)
    return files


class Paced:
    """A process that measures when told to."""

    def __init__(self, file, args):
        self.process = subprocess.Popen(
            [file, "bench", "--paced", "--prompt", args.prompt, "--gen", str(args.gen), "--depth", args.depth, "--batch", args.batch,
             "--threads", args.threads], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def seconds(self, cell):
        self.process.stdin.write(f"{cell}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"bench ends with {self.process.wait()}")
        return float(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def numbers(text):
    return [int(part) for part in text.split(",")]


def cells_of(args):
    """Titles of the results of `bench`, in its order."""
    titles = []
    for threads in numbers(args.threads):
        for depth in numbers(args.depth):
            after = (f" after {depth}" if depth else "") + f", {threads} thr."
            titles += [f"prefill {tokens}{after}" for tokens in numbers(args.prompt)]
            titles += [f"decode of {batch}{after}" for batch in numbers(args.batch)] if args.gen else []
    return titles


def take_turns(first, second, cells, turns):
    """Seconds of `second` over those of `first`, a list for each cell."""
    ratios = [[] for _ in cells]
    for cell in range(len(cells)):
        first.seconds(cell), second.seconds(cell)
        for turn in range(turns):
            order = (first, second) if turn % 2 == 0 else (second, first)
            taken = {which: which.seconds(cell) for which in order}
            ratios[cell].append(taken[second] / taken[first])
    return ratios


def compare(first, second, cells, args, pairs):
    """For each cell a list of ratios for each pair of new processes."""
    found = [[] for _ in cells]
    for _ in range(pairs):
        processes = Paced(first, args), Paced(second, args)
        for ratios, of_pair in zip(found, take_turns(*processes, cells, args.turns)):
            ratios.append(of_pair)
        for process in processes:
            process.close()
    return found


def summary(pairs):
    """Text for the ratios of one cell."""
    medians = sorted(statistics.median(pair) for pair in pairs)
    text = f"{statistics.median(medians):.3f}"
    return text if len(medians) == 1 else f"{text} ({medians[0]:.3f}–{medians[-1]:.3f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="directory with a config.json")
    parser.add_argument("--layers", type=int, default=0)
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--pairs", type=int, default=1, help="pairs of processes for the rows of no and of all optimizations")
    parser.add_argument("--only", nargs="*", help="optimizations to look at (default: every one)")
    parser.add_argument("--compiler", default="build/bin/dsv2-compile")
    parser.add_argument("--prompt", default="128,512")
    parser.add_argument("--gen", type=int, default=8)
    parser.add_argument("--depth", default="0")
    parser.add_argument("--batch", default="1,8")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--json", help="file for the ratios of all turns")
    args = parser.parse_args()
    cells = cells_of(args)
    ratios = {}
    with tempfile.TemporaryDirectory() as folder:
        files = compile_variants(args, pathlib.Path(folder))
        print("| left out | " + " | ".join(cells) + " |\n|---|" + "---|" * len(cells))
        for variant, file in files.items():
            ratios[variant] = compare(files[SAME], file, cells, args, args.pairs if variant in (SAME, NONE) else 1)
            print(f"| {variant} | " + " | ".join(map(summary, ratios[variant])) + " |", flush=True)
            if args.json:
                pathlib.Path(args.json).write_text(json.dumps({"cells": cells, "ratios": ratios}))


if __name__ == "__main__":
    main()
