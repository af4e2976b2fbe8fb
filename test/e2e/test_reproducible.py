"""The same checkpoint gives the same bytes, wherever and however it is compiled."""

import os
import shutil

import pytest

from test.compiled_model import execute
from test.reference import checkpoints


def compile_bytes(program, model, out, *options, **process):
    result = execute([program, model, "-o", out, "--target=native", *options], **process)
    assert result.returncode == 0, result.stderr.decode()
    return out.read_bytes()


def test_another_folder_user_time_and_number_of_threads(compile_program, tiny, tiny_model,
                                                        tmp_path):
    """Against the file that the other tests use: all CPUs, the model's own folder."""
    folder = tmp_path / "a copy, größer"
    shutil.copytree(tiny_model, folder)
    for i, path in enumerate(sorted(folder.iterdir())):
        os.utime(path, (i, 10**9 + i))
    process = {"cwd": folder, "env": {"TZ": "Pacific/Chatham", "LC_ALL": "C", "HOME": "/"},
               "umask": 0o077}
    one_cpu = ["taskset", "--cpu-list", str(min(os.sched_getaffinity(0)))]
    out = tmp_path / "other"
    result = execute([*one_cpu, compile_program, ".", "-o", out, "--target=native", "-j", 3],
                     **process)
    assert result.returncode == 0, result.stderr.decode()
    assert out.read_bytes() == tiny.path.read_bytes()
    # Names that one gives are part of the file.
    named = compile_bytes(compile_program, folder, tmp_path / "named", "--name=Mine", "-j", 1)
    assert named != tiny.path.read_bytes()


@pytest.mark.parametrize("weights", ["embed", "external"])
def test_shards_and_links(compile_program, tmp_path, weights):
    """Cut into other files, in the layout of Hugging Face's cache."""
    whole = checkpoints.make(tmp_path / "whole", "T2", 1, "bf16")
    blobs, links = tmp_path / "blobs", tmp_path / "snapshots" / "0123abcd"
    checkpoints.make(blobs, "T2", 1, "bf16", shards=3)
    links.mkdir(parents=True)
    for path in blobs.iterdir():
        (links / path.name).symlink_to(f"../../blobs/{path.name}")
    made = []
    for name, model, threads in (("one", whole, 1), ("two", links, 3)):
        folder = tmp_path / name
        folder.mkdir()
        compile_bytes(compile_program, model, folder / "out", f"--weights={weights}",
                      "--attention=expanded", "-j", threads)
        made.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert made[0] == made[1]
    assert len(made[0]) == (2 if weights == "external" else 1)
