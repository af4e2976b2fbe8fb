#!/usr/bin/env python3
"""What each optimization of dsv2-compile is worth on the CPU.

Compiles one model with all optimizations, with each one left out (`--disable`), and with none. Then the file with all and one of
the others run beside each other (`bench --paced`) and take turns, measurement by measurement, so that whatever else the
machine does meets both alike. Prints a Markdown table of speed with all optimizations against without the one (above 1: the
optimization wins): medians of the ratios of turns. The first row compares the file with itself: what the rest is sure to.
Two processes of one file differ too, so the first two rows are of `--pairs` pairs of processes; beside each median stands where it
lies with a probability of 95% (paced.py).

    python3 test/bench/optimizations.py test/models/configs/v2-lite --layers 6 --turns 7 --pairs 5
"""

import argparse
import json
import pathlib
import subprocess
import tempfile

import paced

SAME, NONE = "nothing (the same file)", "all of them"


def compile_variants(args, folder):
    """The file with all optimizations, and one for each variant: its name to its path."""
    listed = subprocess.run([args.compiler, "--list-optimizations"], check=True, capture_output=True, text=True)
    names = [line.split()[0] for line in listed.stdout.splitlines() if line.strip()]
    disabled = {SAME: [], NONE: names} | {name: [name] for name in names}
    files = {}
    for variant, leave_out in disabled.items():
        if args.only is not None and variant not in (SAME, NONE, *args.only):
            continue
        files[variant] = folder / f"{len(files)}"
        command = [args.compiler, args.model, "--weights=random", "--target=native", "--max-context=8192", "-o", files[variant]]
        if args.layers:
            command.append(f"--layers={args.layers}")
        if leave_out:
            command.append("--disable=" + ",".join(leave_out))
        subprocess.run(command, check=True)
    return files


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="directory with a config.json")
    parser.add_argument("--layers", type=int, default=0)
    paced.add_arguments(parser)
    parser.add_argument("--pairs", type=int, default=1, help="pairs of processes for the rows of no and of all optimizations")
    parser.add_argument("--only", nargs="*", help="optimizations to look at (default: every one; no names: the first two rows)")
    parser.add_argument("--compiler", default="build/bin/dsv2-compile")
    parser.add_argument("--json", help="file for the ratios of all turns")
    args = parser.parse_args()
    cells = paced.cells_of(args)
    ratios = {}
    with tempfile.TemporaryDirectory() as folder:
        files = compile_variants(args, pathlib.Path(folder))
        print("| left out | " + " | ".join(cells) + " |\n|---|" + "---|" * len(cells))
        for variant, file in files.items():
            ratios[variant] = paced.compare(files[SAME], file, cells, args, args.pairs if variant in (SAME, NONE) else 1)
            print(f"| {variant} | " + " | ".join(map(paced.summary, ratios[variant])) + " |", flush=True)
            if args.json:
                pathlib.Path(args.json).write_text(json.dumps({"cells": cells, "ratios": ratios}))


if __name__ == "__main__":
    main()
