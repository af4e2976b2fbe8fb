"""Two compiled files beside each other, measurement by measurement (`OUT bench --paced`).

What else the machine does meets both alike, so their ratio is steadier than two runs of `bench`. Ratios of single turns still
scatter by 5 to 10% on a shared host: only many turns tell 1%. Two processes of one file may differ too, by where their pages lie:
that is why callers take several pairs of processes, of which the one that starts first alternates.
"""

import math
import statistics
import subprocess
import sys
import time


def add_arguments(parser):
    """Options that say what is measured."""
    parser.add_argument("--turns", type=int, default=9, help="least number of measurements of each process and cell")
    parser.add_argument("--seconds", type=float, default=0, help="more turns until a cell of a pair has taken so long")
    parser.add_argument("--prompt", default="128,512")
    parser.add_argument("--gen", type=int, default=8)
    parser.add_argument("--depth", default="0")
    parser.add_argument("--batch", default="1,8")
    parser.add_argument("--threads", default="1,2")


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


def take_turns(first, second, cells, args):
    """Seconds of `second` over those of `first`, a list for each cell."""
    ratios = [[] for _ in cells]
    for cell, of_cell in enumerate(ratios):
        first.seconds(cell), second.seconds(cell)
        end = time.monotonic() + args.seconds
        while len(of_cell) < args.turns or time.monotonic() < end:
            order = (first, second) if len(of_cell) % 2 == 0 else (second, first)
            taken = {which: which.seconds(cell) for which in order}
            of_cell.append(taken[second] / taken[first])
    return ratios


def compare(first, second, cells, args, pairs):
    """For each cell a list of ratios for each pair of new processes; who of them gets its memory first alternates."""
    found = [[] for _ in cells]
    for pair in range(pairs):
        processes = {}
        for which in (0, 1) if pair % 2 == 0 else (1, 0):
            processes[which] = Paced((first, second)[which], args)
            processes[which].seconds(len(cells) - 1)  # once it answers, its weights are there
        for ratios, of_pair in zip(found, take_turns(processes[0], processes[1], cells, args)):
            ratios.append(of_pair)
        for process in processes.values():
            process.close()
    return found


def summary(pairs):
    """Text for the ratios of one cell: the median of all turns, and where it lies with a probability of 95% (order statistics of
    the turns; all of them, where they are few)."""
    turns = sorted(ratio for pair in pairs for ratio in pair)
    low = max(0, math.floor((len(turns) - 1) / 2 - 0.98 * math.sqrt(len(turns))))
    return f"{statistics.median(turns):.3f} ({turns[low]:.3f}–{turns[-1 - low]:.3f})"
