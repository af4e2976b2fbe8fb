"""Kills compilations at random moments and looks at what is left.

    python -m test.e2e.kill_nine [--kills 1000] [--processes 2] [--seed 0]
        [--build-dir build]

Compiles the first layer of the bundled model in turns into an empty folder and
over an older file, with its weights inside and beside it, each time killed
(SIGKILL): half of them after a random part of the time that a whole compilation
takes, half after a random part of the last of it, from the first byte that is
written to the files' names. Under the output's name there must then be nothing,
the older file as it was, or a file that is whole and runs. Prints what it found
as JSON; anything else ends it with an error.
"""

import argparse
import collections
import concurrent.futures
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
EXTERNAL = "--weights=external"
# Little code to generate.
FAST = ("--target=native", "--attention=expanded", "--dtype=f32")
# Kind of compilation to options and to whether an older file is there.
KINDS = {"new": ((), False), "over an older file": ((), True),
         "new, external weights": ((EXTERNAL,), False),
         "over an older file, external weights": ((EXTERNAL,), True)}


def bytes_written(pid, folder):
    """Of the unnamed files of a process in `folder`; None when it is gone."""
    total = 0
    try:
        for link in Path(f"/proc/{pid}/fd").iterdir():
            if str(link.readlink()).startswith(f"{folder}/"):
                total += link.stat().st_size
    except OSError:
        return None
    return total


class Kills:
    """`model` compiled by `program` below `folder`."""

    def __init__(self, program, model, folder, seed=0):
        self.program, self.model, self.folder = program, model, Path(folder)
        self.random = random.Random(seed)
        self.found = collections.Counter()
        self.older, self.whole, self.seconds, self.writing = {}, {}, {}, {}
        for kind, (options, over) in KINDS.items():
            self.whole[kind] = self.compile_whole(kind, "--layers=1", *options)
            self.seconds[kind], self.writing[kind] = self.took
            self.older[kind] = (self.compile_whole(kind, "--layers=2", *options)
                                if over else {})

    def compile_whole(self, kind, *options):
        """{name: bytes} of the files of a compilation, which run."""
        place = self.folder / kind
        place.mkdir()
        start = time.monotonic()
        process = self.compile(place / "out", *options)
        self.wait_for_writing(process, place)
        written = time.monotonic()
        assert process.wait() == 0
        end = time.monotonic()
        self.took = end - start, end - written
        self.check_runs(place / "out")
        return self.clear(place)

    @staticmethod
    def wait_for_writing(process, place):
        """Until the first byte is written, or the process is gone."""
        while process.poll() is None and not bytes_written(process.pid, place):
            time.sleep(0.0005)

    @staticmethod
    def clear(place):
        files = {path.name: path.read_bytes() for path in place.iterdir()}
        for path in place.iterdir():
            path.unlink()
        place.rmdir()
        return files

    def compile(self, out, *options):
        return subprocess.Popen(
            [self.program, self.model, "-o", out, *FAST, *options],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    @staticmethod
    def check_runs(path):
        result = subprocess.run([path, "generate", "--tokens", "1,2,3", "-n", "1"],
                                capture_output=True, timeout=60)
        assert result.returncode == 0, (path, result.stderr)

    def kill(self, kind):
        """One compilation of that kind, killed; then what is there."""
        place = self.folder / kind
        place.mkdir()
        for name, content in self.older[kind].items():
            (place / name).write_bytes(content)
            (place / name).chmod(0o755)
        process = self.compile(place / "out", "--layers=1", *KINDS[kind][0])
        if self.random.random() < 0.5:
            time.sleep(self.seconds[kind] * self.random.uniform(0, 1.1))
        else:
            self.wait_for_writing(process, place)
            time.sleep(self.writing[kind] * self.random.uniform(0, 1.1))
        written = bytes_written(process.pid, place)
        process.send_signal(signal.SIGKILL)
        done = process.wait() == 0
        self.found["killed after its end" if done else
                   "killed while files are written" if written else
                   "killed before anything is written"] += 1
        if (place / "out").exists():
            self.check_runs(place / "out")
        self.look(kind, self.clear(place), done)

    def look(self, kind, files, done):
        content = files.get("out")
        if content is None:
            assert not done and (not self.older[kind] or EXTERNAL in KINDS[kind][0]), kind
            self.found["then no file"] += 1
        elif content == self.older[kind].get("out"):
            assert not done, kind
            self.found["then the older file"] += 1
        else:
            assert content == self.whole[kind]["out"], f"{kind}: a file that is not whole"
            self.found["then the new file"] += 1
        self.found["files left under other names"] += len(
            files.keys() - self.whole[kind].keys())

    def run(self, count):
        """The counts of what was found."""
        start = time.monotonic()
        for i in range(count):
            self.kill(list(KINDS)[i % len(KINDS)])
            if (i + 1) % 20 == 0:
                print(f"{i + 1} kills in {time.monotonic() - start:.0f} s: "
                      f"{dict(self.found)}", file=sys.stderr, flush=True)
        # A compilation after a killed one works.
        self.check_runs_again()
        return self.found

    def check_runs_again(self):
        out = self.folder / "again"
        process = self.compile(out, "--layers=1")
        time.sleep(self.seconds["new"] / 2)
        process.kill()
        process.wait()
        assert self.compile(out, "--layers=1").wait() == 0
        self.check_runs(out)


def run(program, count, seed):
    with tempfile.TemporaryDirectory(prefix="dsv2-kills-") as folder:
        return Kills(program, ROOT / "test" / "models" / "tiny", folder,
                     seed).run(count)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--build-dir", type=Path, default=ROOT / "build")
    args = parser.parse_args()
    program = args.build_dir.resolve() / "bin" / "dsv2-compile"
    counts = [args.kills // args.processes + (i < args.kills % args.processes)
              for i in range(args.processes)]
    start = time.monotonic()
    with concurrent.futures.ProcessPoolExecutor(args.processes) as pool:
        total = collections.Counter()
        for found in pool.map(run, [program] * len(counts), counts,
                              range(args.seed, args.seed + len(counts))):
            total.update(found)
    print(json.dumps({"kills": args.kills, **total,
                      "seconds": round(time.monotonic() - start, 1)}, indent=1))


if __name__ == "__main__":
    main()
