"""Compiles checkpoints with dsv2-compile and runs the compiled files.

Results are shared by all tests of a run, also between the processes of
pytest-xdist: they lie in one folder under a name made of what they depend on,
and a file lock lets one process make them while the others wait.
"""

import fcntl
import hashlib
import json
import os
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

from test.reference import checkpoints, safetensors_io

TIMEOUT = 600  # seconds, for a compilation or a run


def execute(command, **options):
    """The completed process; its output is bytes."""
    options.setdefault("timeout", TIMEOUT)
    return subprocess.run([str(c) for c in command], capture_output=True,
                          **options)


def run(*command, **options):
    """Runs to completion and returns stdout; a failure shows stderr."""
    result = execute(command, **options)
    assert result.returncode == 0, (
        f"{' '.join(map(str, command))[:300]} exits with "
        f"{result.returncode}:\n{result.stderr.decode(errors='replace')}")
    return result.stdout.decode()


def ids_text(ids):
    return ",".join(map(str, ids))


class CompiledModel:
    """A compiled file and the checkpoint it came from."""

    def __init__(self, path, checkpoint):
        self.path = Path(path)
        self.checkpoint = checkpoint

    def execute(self, *arguments, **options):
        return execute([self.path, *arguments], **options)

    def run(self, *arguments, **options):
        """stdout of a command that must succeed."""
        return run(self.path, *arguments, **options)

    def json(self, *arguments, **options):
        """The object that a command prints with `--json`."""
        return json.loads(self.run(*arguments, "--json", **options))

    def error(self, *arguments, status=1, **options):
        """The one line on stderr of a command that must fail."""
        result = self.execute(*arguments, **options)
        text = result.stderr.decode()
        assert result.returncode == status, (result.returncode, text)
        assert text.count("\n") == 1 and text.endswith("\n"), text
        assert result.stdout == b""
        return text

    def generate(self, *options):
        return self.json("generate", *options)

    def _logits(self, *arguments, threads=None, cpu=None, **process):
        """Bytes of the file that `logits` writes; `process` as of `execute`."""
        options = ["--threads", threads] if threads else []
        options += ["--cpu", cpu] if cpu else []
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder, "logits.safetensors")
            assert self.run("logits", *arguments, *options, "-o", out,
                            **process) == ""
            return out.read_bytes()

    def logits_file(self, ids, chunk=None, **options):
        """Bytes of the file of `logits --tokens`."""
        steps = ["--chunk", chunk] if chunk else []
        return self._logits("--tokens", ids_text(ids), *steps, **options)

    def logits(self, ids, chunk=None, **options):
        """f32 [tokens, vocab]."""
        found = safetensors_io.parse(self.logits_file(ids, chunk, **options))
        assert list(found) == ["logits"]
        kind, value = found["logits"]
        assert kind == "F32" and value.shape[0] == len(ids)
        return value

    def schedule_file(self, sequences, steps, **options):
        """Bytes of the file of `logits --schedule`."""
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump({"sequences": sequences, "steps": steps}, file)
            file.flush()
            return self._logits("--schedule", file.name, **options)

    def schedule(self, sequences, steps, **options):
        """f32 [tokens, vocab] of each sequence, computed in `steps`: lists of
        (sequence, new tokens)."""
        found = safetensors_io.parse(
            self.schedule_file(sequences, steps, **options))
        assert len(found) == len(sequences)
        return [found[f"logits.{i}"][1] for i in range(len(sequences))]


def content_key(folder):
    """A digest of a folder's name and of its files: names, bytes, links."""
    folder = Path(folder)
    digest = hashlib.sha256(folder.name.encode())
    for file in sorted(folder.iterdir()):
        data = file.read_bytes()
        digest.update(json.dumps([file.name, file.is_symlink(),
                                  len(data)]).encode() + data)
    return digest.hexdigest()


class Compiler:
    """dsv2-compile, with every result kept in `folder` for the test run."""

    def __init__(self, program, folder):
        self.program = program
        self.folder = Path(folder)

    @contextmanager
    def _made_once(self, path):
        """True when `path` has to be made in the `with` block; other processes
        wait for its end. What fails is tried again by the next one."""
        done = path.with_name(path.name + ".done")
        with open(path.with_name(path.name + ".lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield not done.exists()
            done.touch()

    def folder_of(self, model, *options, name=None):
        """Compiles the Hugging Face directory `model`; `name` stands for its
        content where the caller knows it."""
        key = json.dumps([name or content_key(model), *map(str, options)])
        label = (name or Path(model).name).replace(os.sep, "-")
        path = self.folder / (
            f"{label}-{hashlib.sha256(key.encode()).hexdigest()[:16]}")
        with self._made_once(path) as needed:
            if needed:
                run(self.program, model, "-o", path, *options)
        return CompiledModel(path, model)

    def refusal(self, model, out):
        """The one line on stderr of a compilation that must fail cleanly."""
        result = execute([self.program, model, "-o", out, "--target=native"])
        text = result.stderr.decode()
        assert result.returncode == 1, text
        assert text.count("\n") == 1 and not out.exists(), text
        return text

    def checkpoint(self, vector, seed=1, dtype="f32"):
        """Folder of a seeded checkpoint of specification section 8."""
        path = self.folder / f"checkpoint-{vector}-{seed}-{dtype}"
        with self._made_once(path) as needed:
            if needed:
                checkpoints.make(path, vector, seed, dtype)
        return path

    def vector(self, vector, seed=1, dtype="f32", *options):
        """Compiles that checkpoint, for this machine's CPU unless the options
        name a target."""
        if not any(option.startswith("--target") for option in options):
            options = ("--target=native", *options)
        return self.folder_of(self.checkpoint(vector, seed, dtype), *options,
                              name=f"{vector}-{seed}-{dtype}")
