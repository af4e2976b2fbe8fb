#!/usr/bin/env python3
"""How long a compiled file takes from its start to its first step, and how much memory.

Compiles a model's config.json with random weights, and makes files of it whose weights are in the file, or beside it, as a hole
of the right size (`ninja -C build sparse-bundle`): V2-Lite's 30 GB of weights without the disk for them. The code, the plan and
every size are the real model's; reading a hole costs what reading a cached page costs and no disk. Zeros route every token to the
same experts, so use one token: real weights touch as many.

    python3 test/bench/start_up.py test/models/configs/v2-lite

For each file, and for a small one: `info`; the time from execve to the first new token of `generate --tokens 1`, with the weights'
pages not yet in the page cache (cold) and there already (warm), each the least of --rounds; and the memory of the process at that moment, as the kernel counts it:
anonymous, and pages of files (which are the page cache's, not the process's own).
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import time

LEAST_AVAILABLE = 3 << 30  # bytes; below, the measurement ends


def available():
    with open("/proc/meminfo") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith("MemAvailable"))


def forget(file):
    """Drops a file's pages from the page cache."""
    descriptor = os.open(file, os.O_RDONLY)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)


def memory_of(process):
    """(anonymous, file) bytes."""
    with open(f"/proc/{process.pid}/status") as file:
        fields = dict(line.split(":", 1) for line in file)
    return tuple(int(fields[name].split()[0]) << 10 for name in ("RssAnon", "RssFile"))


def first_token(file, threads):
    """Seconds to the first new token, and the memory then."""
    if available() < LEAST_AVAILABLE:
        sys.exit("too little memory is available")
    begin = time.perf_counter()
    process = subprocess.Popen([file, "generate", "--tokens", "1", "-n", "1000", "--temperature", "9", "--threads", str(threads)],
                               stdout=subprocess.PIPE)
    try:
        if not process.stdout.read(1):
            sys.exit(f"{file} ends with {process.wait()}")
        return time.perf_counter() - begin, memory_of(process)
    finally:
        process.kill()
        process.wait()


def seconds_of(*command):
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


def measure(name, file, weights, args):
    info = min(seconds_of(file, "info") for _ in range(args.rounds))
    cells = [f"{os.stat(weights).st_size / 1e9:.1f} GB", f"{info * 1e3:.1f} ms"]
    for cold in (True, False):
        runs = []
        for _ in range(args.rounds):
            if cold:
                forget(weights)
            runs.append(first_token(file, args.threads))
        cells.append(f"{min(run[0] for run in runs):.3f} s")
    anonymous, mapped = runs[-1][1]
    cells += [f"{anonymous / 1e6:.0f} MB", f"{mapped / 1e9:.2f} GB"]
    print(f"| {name} | " + " | ".join(cells) + " |", flush=True)
    forget(weights)


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path, help="folder of a config.json")
    parser.add_argument("--build", type=pathlib.Path, default=root / "build")
    parser.add_argument("--layers", type=int, help="the first N layers only")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    compiler = args.build / "bin" / "dsv2-compile"
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        command = [compiler, args.model, "--weights=random", "--target=native", "-o", folder / "random"]
        subprocess.run(command + ([f"--layers={args.layers}"] if args.layers else []), check=True)
        subprocess.run([compiler, root / "test" / "models" / "tiny", "--target=native", "-o", folder / "tiny"], check=True)
        print("| weights | size | info | first token, cold | warm | anonymous memory | pages of files |")
        print("|---|---|---|---|---|---|---|")
        measure("tiny, in the file", folder / "tiny", folder / "tiny", args)
        for mode, what in (("embed", "in the file"), ("external", "beside it")):
            subprocess.run([args.build / "bench" / "sparse-bundle", folder / "random", folder / mode, mode], check=True)
            weights = folder / ("external.weights" if mode == "external" else mode)
            measure(f"{args.model.name}, {what}", folder / mode, weights, args)
            if not os.stat(weights).st_blocks * 512 < 1 << 30:
                sys.exit(f"{weights} is not sparse")


if __name__ == "__main__":
    main()
