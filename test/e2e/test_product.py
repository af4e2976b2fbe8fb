"""The compiled file as a thing that people copy around and run."""

import os
import shutil
import stat
import subprocess

import pytest

from test.compiled_model import CompiledModel, execute

RUN = ("generate", "--prompt", "three plus four is", "-n", "16",
       "--temperature", "0")
# What any Linux has: the C library, its parts, the loader, the kernel's page.
SYSTEM_LIBRARIES = {"libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0",
                    "librt.so.1", "ld-linux-x86-64.so.2", "linux-vdso.so.1"}
OLDEST_GLIBC = (2, 34)


@pytest.fixture(scope="module")
def answer(tiny):
    text = tiny.run(*RUN)
    assert "seven" in text
    return text


def copy_of(model, path):
    shutil.copy(model.path, path)
    return CompiledModel(path, model.checkpoint)


def test_needs_the_c_library_only(tiny):
    lines = execute(["ldd", tiny.path]).stdout.decode().splitlines()
    names = {os.path.basename(line.split()[0]) for line in lines}
    assert names and names <= SYSTEM_LIBRARIES
    symbols = execute(["readelf", "--dyn-syms", "--wide", tiny.path]).stdout
    wanted = {word.split("@GLIBC_")[1]
              for word in symbols.decode().replace("@@", "@").split()
              if "@GLIBC_" in word}
    assert wanted
    for version in wanted:
        assert tuple(map(int, version.split("."))) <= OLDEST_GLIBC


def test_empty_environment(tiny, answer):
    assert subprocess.run(["env", "-i", tiny.path, *RUN], capture_output=True,
                          text=True, cwd="/").stdout == answer


def test_any_name_any_folder(tiny, answer, tmp_path):
    folder = tmp_path / "a folder, größer"
    folder.mkdir()
    copy = copy_of(tiny, folder / "-odd name")
    assert copy.run(*RUN, cwd="/", env={}) == answer
    assert execute(["./-odd name", *RUN], cwd=folder).stdout.decode() == answer
    link = tmp_path / "link"
    link.symlink_to(copy.path)
    assert CompiledModel(link, None).run(*RUN) == answer
    # Found by the shell in PATH: the name it gets is no path.
    found = subprocess.run(["link", *RUN], capture_output=True, text=True,
                           env={"PATH": str(tmp_path)})
    assert found.stdout == answer


def test_read_only_file_and_folder(tiny, answer, tmp_path):
    copy = copy_of(tiny, tmp_path / "chat")
    copy.path.chmod(0o555)
    tmp_path.chmod(0o555)
    try:
        assert copy.run(*RUN) == answer
        assert os.listdir(tmp_path) == ["chat"]
    finally:
        tmp_path.chmod(0o755)


READ_ONLY_DISK = """
set -e
mount --make-rprivate /
mount --bind "$1" /mnt
mount -o remount,bind,ro /mnt
for folder in /tmp /var/tmp /dev/shm; do
  [ ! -d $folder ] || mount -t tmpfs -o ro,noexec,size=4k none $folder
done
! touch /mnt/x 2>/dev/null || exit 99
! touch /tmp/x 2>/dev/null || exit 98
shift
cd /
exec env -i /mnt/chat "$@"
"""


def test_read_only_disk_and_no_usable_tmp(tiny, answer, tmp_path):
    """In a mount namespace of its own: as root, or where users may have one."""
    copy_of(tiny, tmp_path / "chat")
    for unshare in (["unshare", "--mount"],
                    ["unshare", "--mount", "--user", "--map-root-user"]):
        try:
            allowed = execute([*unshare, "sh", "-c",
                               "mount -t tmpfs none /mnt"]).returncode == 0
        except FileNotFoundError:
            allowed = False
        if allowed:
            break
    else:
        pytest.skip("mounting is not allowed here: neither as root nor in a "
                    "user namespace")
    result = execute([*unshare, "sh", "-c", READ_ONLY_DISK, "sh", tmp_path,
                      *RUN])
    assert result.returncode == 0, result.stderr.decode()
    assert result.stdout.decode() == answer


def test_another_user(tiny, answer, tmp_path):
    """Nothing belongs to whoever compiled it."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    copy = copy_of(tiny, tmp_path / "chat")
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == 0 and folder != folder.parent:
            if not folder.stat().st_mode & stat.S_IXOTH:
                folder.chmod(folder.stat().st_mode | stat.S_IXOTH)
    assert copy.run(*RUN, user=65534, group=65534, env={}) == answer


def test_results_on_stdout_and_nothing_else(tiny, answer):
    result = tiny.execute(*RUN)
    assert result.stdout.decode() == answer and result.stderr == b""


def test_it_replaces_an_older_one(compile_program, tiny_model, answer,
                                  tmp_path):
    """Also one that is running; nothing else is left in the folder."""
    out = tmp_path / "chat"
    out.write_text("old")
    result = execute([compile_program, tiny_model, "-o", out,
                      "--target=native"])
    assert result.returncode == 0, result.stderr
    assert os.listdir(tmp_path) == ["chat"]
    assert CompiledModel(out, None).run(*RUN) == answer
