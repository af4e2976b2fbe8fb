#!/usr/bin/env python3
"""What each optimization of dsv2-compile is worth on the CPU.

Compiles one model with all optimizations, with each one left out (`--disable`), and with none; then runs `bench` of every file in
turns, round after round, so that whatever else the machine does meets all of them alike. Prints a Markdown table of speed with
all optimizations against without the one (above 1: the optimization wins), medians of the ratios within a round.

    python3 test/bench/optimizations.py test/models/configs/v2-lite --layers 6 --rounds 3
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

ALL, NONE = "all", "none"


def compile_variants(args, folder):
    """One file for each variant: its name to its path."""
    listed = subprocess.run([args.compiler, "--list-optimizations"], check=True, capture_output=True, text=True)
    names = [line.split()[0] for line in listed.stdout.splitlines() if line.strip()]
    disabled = {ALL: []} | {name: [name] for name in names if not args.only or name in args.only} | {NONE: names}
    files = {}
    for variant, leave_out in disabled.items():
        files[variant] = folder / variant
        command = [args.compiler, args.model, "--weights=random", "--target=native", "--max-context=8192", "-o", files[variant]]
        if args.layers:
            command.append(f"--layers={args.layers}")
        if leave_out:
            command.append("--disable=" + ",".join(leave_out))
        subprocess.run(command, check=True)
    return files


def measure(file, args):
    """Tokens a second of each cell: (kind, tokens, depth, batch, threads)."""
    command = [file, "bench", "--prompt", args.prompt, "--gen", str(args.gen), "--depth", args.depth, "--batch", args.batch,
               "--threads", args.threads, "--rounds", "1", "--json"]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return {(r["kind"], r["tokens"], r["depth"], r["batch"], r["threads"]): r["tokens_per_s"]
            for r in json.loads(output)["results"]}


def print_table(rounds, baseline, variants):
    cells = list(rounds[0][baseline])
    heads = [f"{kind} {tokens if kind == 'prefill' else f'batch {batch}'}" + (f" at {depth}" if depth else "")
             + f", {threads} thr." for kind, tokens, depth, batch, threads in cells]
    print("| left out | " + " | ".join(heads) + " |")
    print("|---|" + "---|" * len(heads))
    for variant in variants:
        ratios = [statistics.median(r[baseline][cell] / r[variant][cell] for r in rounds) for cell in cells]
        print(f"| {variant} | " + " | ".join(f"{ratio:.3f}" for ratio in ratios) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="directory with a config.json")
    parser.add_argument("--layers", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", help="optimizations to look at (default: every one)")
    parser.add_argument("--compiler", default="build/bin/dsv2-compile")
    parser.add_argument("--prompt", default="128,512")
    parser.add_argument("--gen", type=int, default=16)
    parser.add_argument("--depth", default="0")
    parser.add_argument("--batch", default="1,8")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--json", help="file for the raw figures")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = compile_variants(args, pathlib.Path(folder))
        rounds = []
        for number in range(args.rounds):
            rounds.append({})
            for variant, file in files.items():
                rounds[-1][variant] = measure(file, args)
                print(f"round {number + 1}: {variant}", file=sys.stderr)
    if args.json:
        raw = [{variant: [[*cell, value] for cell, value in cells.items()] for variant, cells in r.items()} for r in rounds]
        pathlib.Path(args.json).write_text(json.dumps(raw))
    print_table(rounds, ALL, [variant for variant in files if variant != ALL])


if __name__ == "__main__":
    main()
