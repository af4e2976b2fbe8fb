"""`cmake --install`: a tree that can be moved and needs no build folder."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from test.conftest import ROOT

PROGRAMS = {"dsv2-compile", "dsv2-opt", "dsv2-interpret", "dsv2-reduce",
            "dsv2-lsp-server", "dsv2-launcher"}


@pytest.fixture(scope="module")
def installed(request, compile_program, tmp_path_factory):
    """The tree, moved to another place after it was installed."""
    if not shutil.which("cmake"):
        pytest.skip("cmake is not installed")
    build = compile_program.parents[1]
    folder = tmp_path_factory.mktemp("install")
    result = subprocess.run(
        ["cmake", "--install", build, "--prefix", folder / "first"],
        capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    moved = folder / "moved elsewhere" / "dsv2"
    moved.parent.mkdir()
    (folder / "first").rename(moved)
    return moved, build


def test_what_users_need_and_nothing_else(installed):
    prefix, _ = installed
    files = {f.relative_to(prefix) for f in prefix.rglob("*") if f.is_file()}
    assert {f.name for f in files if f.parts[0] == "bin"} == PROGRAMS
    rest = {f for f in files if f.parts[0] != "bin"}
    doc = Path("share", "doc", "dsv2")
    assert {doc / "LICENSE", doc / "Troubleshooting.md"} <= rest
    assert all(f.suffix == ".md" for f in rest - {doc / "LICENSE"})
    assert all(f.is_relative_to(doc) for f in rest)


def test_links_of_installed_pages(installed):
    prefix, _ = installed
    for page in prefix.rglob("*.md"):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), (page, target)


def test_no_program_knows_the_build_folder(installed):
    prefix, build = installed
    for name in PROGRAMS:
        data = (prefix / "bin" / name).read_bytes()
        for folder in (build, ROOT):
            assert str(folder).encode() not in data, (name, folder)


def test_compiles_and_generates(installed, tiny_model, tmp_path):
    """With nothing of the environment, away from the sources."""
    prefix, _ = installed
    out = tmp_path / "chat"
    result = subprocess.run(
        [prefix / "bin" / "dsv2-compile", tiny_model, "--target=native", "-o",
         out], capture_output=True, text=True, env={}, cwd="/")
    assert result.returncode == 0, result.stderr
    result = subprocess.run(
        [out, "generate", "--prompt", "three plus four is", "--temperature",
         "0"], capture_output=True, text=True, env={}, cwd="/")
    assert (result.stdout, result.stderr) == (" seven\n", "")


def test_opens_no_file_of_the_build_or_the_sources(installed, tiny_model,
                                                   tmp_path):
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    prefix, build = installed
    copy = tmp_path / "model"
    shutil.copytree(tiny_model, copy)
    log = tmp_path / "log"
    result = subprocess.run(
        ["strace", "-f", "-e", "trace=%file", "-o", log, prefix / "bin" /
         "dsv2-compile", copy, "--target=native", "-o", tmp_path / "chat"],
        capture_output=True, text=True, cwd="/")
    assert result.returncode == 0, result.stderr
    seen = log.read_text()
    assert f"{prefix}/bin/dsv2-launcher" in seen
    assert str(build) not in seen and str(ROOT) not in seen


def test_a_missing_launcher_is_a_line(installed, tiny_model, tmp_path):
    prefix, _ = installed
    alone = tmp_path / "dsv2-compile"
    shutil.copy(prefix / "bin" / "dsv2-compile", alone)
    result = subprocess.run([alone, tiny_model, "-o", tmp_path / "chat"],
                            capture_output=True, text=True)
    assert result.returncode == 1
    assert f"{tmp_path}/dsv2-launcher" in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "chat").exists()
