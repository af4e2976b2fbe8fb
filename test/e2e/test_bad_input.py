"""What the compiler says about wrong inputs (test/bad_input/compiler.json).

Each class has a function here that makes the input; the message is in the list.
"""

import json
import os
import resource
import signal
import subprocess
import time
from pathlib import Path

import pytest

from test import bad_input
from test.reference import safetensors_io

CASES = bad_input.suite("compiler").cases
WAYS = {}
NOBODY = 65534
TIMEOUT = 600


def way(name):
    def add(function):
        WAYS[name] = function
        return function
    return add


class Case:
    """One compilation that must fail. A way changes what it needs of it."""

    def __init__(self, program, model, folder):
        self.program, self.model, self.folder = program, model, folder
        self.out = folder / "outputs" / "out"
        self.out.parent.mkdir()
        self.options = ["-o", self.out]
        self.fast = ["--layers=1", "--attention=expanded"]  # little code to generate
        self.process = {}  # arguments of subprocess
        self.before = []   # words before the command
        self.meanwhile = None  # called while the checkpoint is open, in a pause
        self.names = {}

    def file(self, name):
        return self.model / name

    def edit_json(self, name, **changes):
        raw = json.loads(self.file(name).read_text())
        self.file(name).write_text(json.dumps(raw | changes))

    def edit_tensor(self, name, edit):
        """Puts what `edit` makes of a tensor's bytes in their place."""
        path = self.file("model.safetensors")
        data = bytearray(path.read_bytes())
        start = 8 + int.from_bytes(data[:8], "little")
        entry = json.loads(data[8:start])[name]
        begin, end = (start + at for at in entry["data_offsets"])
        data[begin:end] = edit(data[begin:end])
        path.write_bytes(data)

    def limit(self, which, value):
        self.process["preexec_fn"] = lambda: resource.setrlimit(which, (value, value))

    def as_nobody(self):
        """The user of the process when the tests are root, who may do all."""
        if os.geteuid() == 0:
            self.process |= {"user": NOBODY, "group": NOBODY}
            for folder in (self.folder, *self.folder.parents):
                if folder.stat().st_uid == 0 and folder != folder.parent:
                    folder.chmod(folder.stat().st_mode | 0o111)
            try:
                subprocess.run([self.program, "--version"], check=True,
                               capture_output=True, **self.process)
            except (PermissionError, subprocess.CalledProcessError):
                pytest.skip(f"other users than root may not run {self.program}")

    def mounted(self, kind):
        """The folder of the output as a file system of its own."""
        for unshare in (["unshare", "--mount"],
                        ["unshare", "--mount", "--user", "--map-root-user"]):
            allowed = subprocess.run([*unshare, "mount", "-t", "tmpfs", "none", "/mnt"],
                                     capture_output=True)
            if allowed.returncode == 0:
                break
        else:
            pytest.skip("mounting is not allowed here: neither as root nor in a "
                        "user namespace")
        script = (f'mount -t tmpfs -o {kind} none "$0" && "$@"; status=$?; '
                  '[ -z "$(ls -A "$0")" ] || echo "left: $(ls -A "$0")" >&2; exit $status')
        self.before = [*unshare, "sh", "-c", script, self.out.parent]

    def execute(self):
        """Its exit status and what it says."""
        command = [*self.before, self.program, self.model, *self.options, *self.fast,
                   "--target=native"]
        process = subprocess.Popen(list(map(str, command)), text=True,
                                   stdout=self.process.pop("stdout", subprocess.PIPE),
                                   stderr=subprocess.PIPE, **self.process)
        try:
            if self.meanwhile:
                self.wait_until_open(process)
                process.send_signal(signal.SIGSTOP)
                self.meanwhile()
                process.send_signal(signal.SIGCONT)
            _, errors = process.communicate(timeout=TIMEOUT)
        finally:
            process.kill()
            process.wait()
        return process.returncode, errors

    def refusal(self):
        """The one line that it says, after the compiler's name."""
        status, errors = self.execute()
        assert status in (1, 2), (status, errors)
        assert errors.endswith("\n") and errors.count("\n") == 1, errors
        name = f"{self.program.name}: "
        assert errors.startswith(name), errors
        return errors[len(name):-1]

    def wait_until_open(self, process):
        """Until the checkpoint is open: long before the last of it is read."""
        weights = str(self.file("model.safetensors"))
        deadline = time.monotonic() + TIMEOUT
        while time.monotonic() < deadline:
            for link in Path(f"/proc/{process.pid}/fd").iterdir():
                try:
                    if str(link.readlink()) == weights:
                        return
                except FileNotFoundError:
                    pass
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.001)
        raise AssertionError("the checkpoint is never opened")


@way("no folder of that name")
def _(case):
    case.model = case.model / "none"


@way("a file in place of the folder")
def _(case):
    case.model = case.file("config.json")


@way("config.json is a folder")
def _(case):
    case.file("config.json").unlink()
    case.file("config.json").mkdir()


@way("config.json is a pipe that nobody writes to")
def _(case):
    case.file("config.json").unlink()
    os.mkfifo(case.file("config.json"))


@way("config.json leads to a device")
def _(case):
    case.file("config.json").unlink()
    case.file("config.json").symlink_to("/dev/zero")


@way("config.json leads to itself")
def _(case):
    case.file("config.json").unlink()
    case.file("config.json").symlink_to("config.json")


@way("config.json may not be read")
def _(case):
    case.as_nobody()
    case.out.parent.chmod(0o777)
    case.file("config.json").chmod(0)


@way("a field of config.json is wrong")
def _(case):
    case.edit_json("config.json", n_group=3)


@way("tokenizer.json is cut")
def _(case):
    text = case.file("tokenizer.json").read_text()
    case.file("tokenizer.json").write_text(text[:len(text) // 2])


@way("tokenizer.json is empty")
def _(case):
    case.file("tokenizer.json").write_text("")


@way("tokenizer.json is a Git LFS pointer")
def _(case):
    case.file("tokenizer.json").write_text(
        "version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 7\n")


@way("tokenizer.json leads to nothing")
def _(case):
    case.file("tokenizer.json").unlink()
    case.file("tokenizer.json").symlink_to("../blobs/0123")


@way("tokenizer.json is a pipe that nobody writes to")
def _(case):
    case.file("tokenizer.json").unlink()
    os.mkfifo(case.file("tokenizer.json"))


@way("tokenizer.json of another kind")
def _(case):
    raw = json.loads(case.file("tokenizer.json").read_text())
    case.edit_json("tokenizer.json", model=raw["model"] | {"type": "WordPiece"})


@way("tokenizer_config.json is an array")
def _(case):
    case.file("tokenizer_config.json").write_text("[]")


@way("a token of tokenizer_config.json is a number")
def _(case):
    case.edit_json("tokenizer_config.json", bos_token=7)


@way("a chat template beyond the supported part of Jinja")
def _(case):
    case.file("chat_template.jinja").write_text("text\n{% macro greet(x) %}\n{% endmacro %}")


@way("--chat-template names no file")
def _(case):
    case.options.append(f"--chat-template={case.file('none.jinja')}")


@way("generation_config.json is an array")
def _(case):
    case.file("generation_config.json").write_text("[]")


@way("a temperature below zero")
def _(case):
    case.edit_json("generation_config.json", temperature=-1)


@way("a probability above one")
def _(case):
    case.edit_json("generation_config.json", top_p=1.5)


@way("a count below zero")
def _(case):
    case.edit_json("generation_config.json", top_k=-1)


@way("an end of text that is a word")
def _(case):
    case.edit_json("generation_config.json", eos_token_id=[1, "</s>"])


def put_bf16(bits, element):
    def edit(data):
        data[2 * element:2 * element + 2] = bits.to_bytes(2, "little")
        return data
    return edit


@way("a weight is NaN")
def _(case):
    case.edit_tensor("model.norm.weight", put_bf16(0x7FC0, 5))


@way("a weight is infinite")
def _(case):
    case.edit_tensor("model.norm.weight", put_bf16(0xFF80, 127))


@way("a tensor's name holds a line break")
def _(case):
    path = case.file("model.safetensors")
    tensors = {name: value for name, (_, value) in safetensors_io.read(path).items()}
    tensors["a\nb"] = tensors["model.norm.weight"][:1]
    safetensors_io.write(path, tensors, "BF16")


@way("a header of 100,000,000 zeros, in 2 GiB of address space")
def _(case):
    with open(case.file("model.safetensors"), "wb") as file:
        file.write((100_000_000).to_bytes(8, "little"))
        file.truncate(100_000_008)
    case.limit(resource.RLIMIT_AS, 2 << 30)


@way("a terabyte of weights (sparse), in 2 GiB of address space")
def _(case):
    rows = 1 << 32
    header = json.dumps({"model.embed_tokens.weight": {
        "dtype": "BF16", "shape": [rows, 128], "data_offsets": [0, rows * 256]}}).encode()
    with open(case.file("model.safetensors"), "wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        file.truncate(8 + len(header) + rows * 256)
    case.limit(resource.RLIMIT_AS, 2 << 30)


@way("the checkpoint is cut while it is read")
def _(case):
    case.meanwhile = lambda: os.truncate(case.file("model.safetensors"), 100_000)


@way("the checkpoint is written to while it is read")
def _(case):
    path = case.file("model.safetensors")
    case.meanwhile = lambda: path.write_bytes(path.read_bytes())


@way("no output")
def _(case):
    case.options = []


@way("an executable on standard output")
def _(case):
    case.options = ["-o", "-"]


@way("the output's folder is not there")
def _(case):
    case.options = ["-o", case.out / "x"]


@way("the output's folder may not be written to")
def _(case):
    case.as_nobody()
    case.out.parent.chmod(0o555)


@way("the output is a folder")
def _(case):
    case.out.mkdir()


@way("the output ends in a slash")
def _(case):
    case.options = ["-o", f"{case.out}/"]


@way("the output is a device")
def _(case):
    case.options = ["-o", "/dev/null"]


@way("the output is a pipe")
def _(case):
    os.mkfifo(case.out)


@way("one name for two outputs")
def _(case):
    case.options.append(f"--report={case.out}")


@way("a report that cannot be written")
def _(case):
    case.options.append(f"--report={case.out}/report.json")


@way("no room on the disk")
def _(case):
    case.mounted("size=1m")


@way("a limit on the size of files")
def _(case):
    case.limit(resource.RLIMIT_FSIZE, 1 << 20)


@way("a read-only disk")
def _(case):
    case.mounted("ro")


@way("no room for the linker's files")
def _(case):
    case.mounted("size=4k")
    case.process["env"] = os.environ | {"TMPDIR": str(case.out.parent)}
    other = case.folder / "other"
    case.options = ["-o", other]


@way("a full standard output")
def _(case):
    case.options = ["--emit=import"]
    case.process["stdout"] = open("/dev/full", "w")


@way("the output's folder vanishes")
def _(case):
    case.meanwhile = case.out.parent.rmdir


@way("a folder takes the output's name")
def _(case):
    case.meanwhile = case.out.mkdir


@way("an unknown option")
def _(case):
    case.options.append("--frobnicate")


@way("no model")
def _(case):
    case.model = "-o"
    case.options = [case.out]


@way("an unknown CPU")
def _(case):
    case.options.append("--target=pentium")


@way("an unknown place for weights")
def _(case):
    case.options.append("--weights=disk")


@way("a seed that is no number")
def _(case):
    case.options.append("--weights=random:x")


@way("a count of zero")
def _(case):
    case.options.append("--max-batch=0")


@way("a count beyond 31 bits")
def _(case):
    case.options.append("--max-step-tokens=2147483648")


@way("an unknown optimization")
def _(case):
    case.options.append("--disable=magic")


@way("an unknown machine to decide for")
def _(case):
    case.options.append("--cost-target=abacus")


@pytest.fixture
def case(compile_program, tiny_model, tmp_path):
    model = tmp_path / "model"
    model.mkdir()
    for name in ("config.json", "generation_config.json", "model.safetensors",
                 "tokenizer.json", "tokenizer_config.json"):
        (model / name).write_bytes((tiny_model / name).read_bytes())
    return Case(compile_program, model, tmp_path)


def test_every_class_has_a_way():
    assert list(WAYS) == list(CASES)


@pytest.mark.parametrize("name", CASES)
def test_message(case, name):
    WAYS[name](case)
    model, out = case.model, case.out
    before = sorted(out.parent.iterdir()), sorted(case.folder.iterdir())
    bad_input.expect(case.refusal(), CASES[name]["message"], model=model, out=out)
    if case.meanwhile is None:
        assert (sorted(out.parent.iterdir()), sorted(case.folder.iterdir())) == before
    elif out.parent.exists():
        assert [path for path in out.parent.iterdir() if path.is_file()] == []


def test_an_older_file_stays_as_it_was(case):
    """Where the new one fails at its very end."""
    case.out.write_text("older")
    case.meanwhile = lambda: os.truncate(case.file("model.safetensors"), 3_000_000)
    assert "file ends at byte" in case.refusal()
    assert case.out.read_text() == "older" and os.listdir(case.out.parent) == ["out"]


@pytest.mark.parametrize("change", ["removed", "replaced"])
def test_a_checkpoint_gone_while_it_is_read(case, change, tiny):
    """It is read on as it was opened."""
    weights = case.file("model.safetensors")
    case.fast = []

    def meanwhile():
        weights.unlink()
        if change == "replaced":
            weights.write_bytes(b"another")
    case.meanwhile = meanwhile
    assert case.execute() == (0, "")
    assert case.out.read_bytes() == tiny.path.read_bytes()
