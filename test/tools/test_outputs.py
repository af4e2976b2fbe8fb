"""Files that dsv2-compile writes: whole, or not there."""

import os
import signal
import subprocess
import time

import pytest

from test.reference import checkpoints


def compile_model(program, *arguments):
    return subprocess.run([program, *map(str, arguments)], capture_output=True,
                          text=True, timeout=120)


def refusal(program, *arguments):
    """The one line of a compilation that must fail."""
    result = compile_model(program, *arguments)
    assert result.returncode == 1, result.stderr
    [line] = result.stderr.splitlines()
    return line


@pytest.mark.parametrize("emit", ["import", "bundle"])
def test_an_output_that_cannot_be_is_refused_first(compile_program, tmp_path, emit):
    """The model is not even looked at: it does not exist."""
    absent = tmp_path / "no" / "chat"
    for path, word in [(absent, "No such file"), (tmp_path, "is a folder")]:
        line = refusal(compile_program, tmp_path / "nowhere", f"--emit={emit}", "-o", path)
        assert str(path) in line and word in line
    line = refusal(compile_program, tmp_path / "nowhere", "-o", tmp_path / "chat",
                   "--remarks", absent)
    assert str(absent) in line
    assert list(tmp_path.iterdir()) == []


def test_an_executable_does_not_replace_a_device(compile_program, tiny_model):
    assert "device" in refusal(compile_program, tiny_model, "-o", "/dev/null")
    assert compile_model(compile_program, tiny_model, "--emit=import", "-o",
                         "/dev/null").returncode == 0
    assert not os.path.isfile("/dev/null")
    assert "No space" in refusal(compile_program, tiny_model, "--emit=import", "-o", "/dev/full")


def test_a_failure_leaves_nothing(compile_program, tmp_path):
    model = checkpoints.make(tmp_path / "model", "T2", 1, "f32")
    file = model / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    out = tmp_path / "out"
    out.mkdir()
    refusal(compile_program, model, "-o", out / "chat", "--weights=external",
            "--remarks", out / "remarks.yaml")
    assert list(out.iterdir()) == []


def test_a_failure_keeps_the_file_of_before(compile_program, tmp_path):
    before = tmp_path / "layers.mlir"
    before.write_text("before")
    refusal(compile_program, tmp_path / "nowhere", "--emit=import", "-o", before)
    assert before.read_text() == "before"
    assert list(tmp_path.iterdir()) == [before]


def test_the_link_stays_and_weights_lie_beside_the_file(compile_program, tiny_model, tmp_path):
    real = tmp_path / "real"
    real.mkdir()
    (real / "chat").touch()
    link = tmp_path / "chat"
    link.symlink_to("real/chat")
    result = compile_model(compile_program, tiny_model, "-o", link, "--weights=external",
                           "--target=x86-64-v3")
    assert result.returncode == 0, result.stderr
    assert link.is_symlink()
    assert sorted(path.name for path in real.iterdir()) == ["chat", "chat.weights"]
    subprocess.run([link, "info"], check=True, capture_output=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda n: n.name)
def test_a_signal_leaves_nothing(compile_program, tiny_model, tmp_path, number):
    """At many moments: nothing, or everything where it was done already."""
    for delay in (0.05, 0.2, 0.5, 1.0):
        out = tmp_path / str(delay)
        out.mkdir()
        process = subprocess.Popen(
            [compile_program, tiny_model, "-o", out / "chat", "--weights=external",
             "--remarks", out / "remarks.yaml"], stderr=subprocess.DEVNULL)
        time.sleep(delay)
        process.send_signal(number)
        process.wait(60)
        left = sorted(path.name for path in out.iterdir())
        assert left in ([], ["chat", "chat.weights", "remarks.yaml"])
        assert bool(left) == (process.returncode == 0)
