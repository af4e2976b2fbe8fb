"""Compiles checkpoints with dsv2-compile and runs the compiled files."""

import json
import subprocess
from pathlib import Path

from test.reference import checkpoints, safetensors_io

TIMEOUT = 600  # seconds, for a compilation or a run


def run(*command):
    """Runs to completion and returns stdout; a failure shows stderr."""
    result = subprocess.run([str(c) for c in command], capture_output=True,
                            timeout=TIMEOUT)
    assert result.returncode == 0, (
        f"{' '.join(map(str, command))[:300]} exits with "
        f"{result.returncode}:\n{result.stderr.decode(errors='replace')}")
    return result.stdout.decode()


def ids_text(ids):
    return ",".join(map(str, ids))


class CompiledModel:
    """A compiled file and, for test checkpoints, the folder it came from."""

    def __init__(self, path, checkpoint):
        self.path = path
        self.checkpoint = checkpoint

    def logits(self, ids, chunk=None, threads=None):
        """f32 [tokens, vocab]."""
        out = Path(self.path).with_suffix(".logits.safetensors")
        options = ["--chunk", chunk] if chunk else []
        options += ["--threads", threads] if threads else []
        run(self.path, "logits", "--tokens", ids_text(ids), *options, "-o", out)
        kind, value = safetensors_io.read(out)["logits"]
        out.unlink()
        assert kind == "F32" and value.shape[0] == len(ids)
        return value

    def generate(self, *options):
        """The object that `generate --json` prints."""
        return json.loads(run(self.path, "generate", *options, "--json"))


class Compiler:
    """dsv2-compile, with every result kept for the session."""

    def __init__(self, program, folder):
        self.program = program
        self.folder = folder
        self.cache = {}

    def folder_of(self, model, *options, checkpoint=None):
        """Compiles the Hugging Face directory `model`."""
        key = (str(model), options)
        if key not in self.cache:
            out = self.folder / f"model{len(self.cache)}"
            run(self.program, model, "-o", out, *options)
            self.cache[key] = CompiledModel(out, checkpoint or model)
        return self.cache[key]

    def vector(self, vector, seed=1, dtype="f32", *options):
        """Compiles a seeded checkpoint of specification section 8, for this
        machine's CPU unless the options name a target."""
        checkpoint = self.folder / f"{vector}-{seed}-{dtype}"
        if not checkpoint.exists():
            checkpoints.make(checkpoint, vector, seed, dtype)
        if not any(option.startswith("--target") for option in options):
            options = ("--target=native", *options)
        return self.folder_of(checkpoint, *options)
