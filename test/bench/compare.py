#!/usr/bin/env python3
"""Whether one compiled file is faster than another: `SECOND`'s seconds over those of `FIRST` (above 1: the first is faster).

Prints a Markdown table: for each cell the median of all turns of all pairs of processes, and where it lies with a probability of
95%. `--same` also compares the first file with itself.

    python3 test/bench/compare.py new old --pairs 3 --prompt 16,128 --threads 1
"""

import argparse
import json
import pathlib

import paced


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("first")
    parser.add_argument("second")
    paced.add_arguments(parser)
    parser.add_argument("--pairs", type=int, default=3, help="pairs of processes")
    parser.add_argument("--same", action="store_true", help="also compare the first file with itself")
    parser.add_argument("--json", help="file for the ratios of all turns")
    args = parser.parse_args()
    cells = paced.cells_of(args)
    files = ([args.first] if args.same else []) + [args.second]
    ratios = [paced.compare(args.first, file, cells, args, args.pairs) for file in files]
    print("| | " + " | ".join(cells) + " |\n|---|" + "---|" * len(cells))
    for file, of_file in zip(files, ratios):
        print(f"| {pathlib.Path(file).name} | " + " | ".join(map(paced.summary, of_file)) + " |")
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps({"cells": cells, "files": files, "ratios": ratios}))


if __name__ == "__main__":
    main()
