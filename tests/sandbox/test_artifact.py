"""What is taken out of a compiler's cell: plain files, by descriptor, and never more than the bound."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from pathlib import Path

import pytest

from cellblock.sandbox import artifact
from cellblock.sandbox.artifact import UnfitArtifactError, mount_copy, take_copy, why_no_mounts

MIB = 1 << 20


@pytest.fixture
def out(tmp_path):
    """A directory as a compiler may have left it, open like its mount."""
    fd = os.open(tmp_path, os.O_PATH | os.O_DIRECTORY)
    yield tmp_path, fd
    os.close(fd)


def copied(fd, most_bytes=MIB):
    taken = take_copy(fd, most_bytes=most_bytes, work_area_bytes=64 * MIB, work_area_inodes=4096)
    return asyncio.run(taken)


def mounted(copy):
    return asyncio.run(mount_copy(copy))


def read(mount_fd, path):
    with os.fdopen(os.open(path, os.O_RDONLY, dir_fd=mount_fd), "rb") as file:
        return file.read()


def listed(mount_fd, path="."):
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY, dir_fd=mount_fd)
    try:
        with os.scandir(fd) as found:
            return [entry.name for entry in found]
    finally:
        os.close(fd)


def open_descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_mount_has_the_same_files_and_modes_and_belongs_to_root(out):
    directory, fd = out
    (directory / "pkg" / "inner").mkdir(parents=True)
    (directory / "pkg").chmod(0o750)
    contents = {
        "main": os.urandom(2 * MIB + 5),
        "pkg/inner/A.class": b"a",
        "pkg/empty": b"",
        "B $\n\udce9": b"b",
    }
    for number, (name, content) in enumerate(contents.items()):
        (directory / name).write_bytes(content)
        (directory / name).chmod(0o700 + number)
    os.chown(directory / "main", 70_001, 70_001)
    mount_fd = mounted(copied(fd, 3 * MIB))
    try:
        for number, (name, content) in enumerate(contents.items()):
            assert read(mount_fd, name) == content
            status = os.stat(name, dir_fd=mount_fd)
            assert (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) == (0o700 + number, 0, 0)
        assert stat.S_IMODE(os.stat("pkg", dir_fd=mount_fd).st_mode) == 0o750
        assert stat.S_IMODE(os.fstat(mount_fd).st_mode) == stat.S_IMODE(directory.stat().st_mode)
        assert sorted(listed(mount_fd)) == sorted(["main", "pkg", "B $\n\udce9"])
    finally:
        os.close(mount_fd)


def test_files_are_listed_in_the_order_in_which_the_compiler_made_them():
    first = mounted(copied_of_made(names := [f"f{number * 7 % 10}" for number in range(10)]))
    second = mounted(copied(first))
    try:
        assert listed(second) == listed(first)
        assert sorted(listed(first)) == sorted(names)
    finally:
        os.close(first)
        os.close(second)


def copied_of_made(names):
    """Have files made on a tmpfs, which lists them by age, as ``/out`` is one."""
    mount_fd = artifact._new_file_system(None)
    try:
        for name in names:
            os.close(os.open(name, os.O_CREAT | os.O_WRONLY, 0o644, dir_fd=mount_fd))
        return copied(mount_fd)
    finally:
        os.close(mount_fd)


def test_each_mount_is_a_file_system_of_its_own(out):
    directory, fd = out
    (directory / "main").write_bytes(b"original")
    copy = copied(fd)
    first, second = mounted(copy), mounted(copy)
    try:
        assert os.stat("main", dir_fd=first).st_dev != os.stat("main", dir_fd=second).st_dev
        os.unlink("main", dir_fd=first)
        with os.fdopen(os.open("main", os.O_CREAT | os.O_WRONLY, dir_fd=first), "wb") as file:
            file.write(b"poisoned")
        assert read(second, "main") == b"original"
        third = mounted(copy)
        assert read(third, "main") == b"original"
        os.close(third)
    finally:
        os.close(first)
        os.close(second)


def test_a_mount_is_as_large_as_what_it_was_taken_from(out):
    directory, fd = out
    (directory / "main").write_bytes(b"x")
    mount_fd = mounted(copied(fd))
    try:
        figures = os.fstatvfs(mount_fd)
        assert (figures.f_blocks * figures.f_bsize, figures.f_files) == (64 * MIB, 4096)
    finally:
        os.close(mount_fd)


def make_symlink(directory):
    (directory / "main").symlink_to("/etc/passwd")


def make_symlink_to_directory(directory):
    (directory / "pkg").symlink_to("/etc")


def make_fifo(directory):
    os.mkfifo(directory / "main")


def make_device(directory):
    os.mknod(directory / "main", stat.S_IFCHR | 0o666, os.makedev(1, 5))


def make_socket(directory):
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(directory / "main"))


def make_hard_link(directory):
    (directory / "a").write_bytes(b"x")
    (directory / "b").hardlink_to(directory / "a")


def make_set_user_id(directory):
    (directory / "main").write_bytes(b"x")
    (directory / "main").chmod(0o4755)


def make_sticky_directory(directory):
    (directory / "pkg").mkdir()
    (directory / "pkg").chmod(0o1777)


def make_sparse(directory):
    with (directory / "main").open("wb") as file:
        file.truncate(10 << 30)


def make_many(directory):
    for number in range(artifact.MOST_ENTRIES + 1):
        (directory / str(number)).touch()


def make_many_below(directory):
    for number in range(40):
        (directory / f"d{number}").mkdir()
        for inner in range(40):
            (directory / f"d{number}" / str(inner)).touch()


def make_much_in_parts(directory):
    for number in range(3):
        (directory / str(number)).write_bytes(bytes(MIB // 2))


@pytest.mark.parametrize(
    "make",
    [
        make_symlink,
        make_symlink_to_directory,
        make_fifo,
        make_device,
        make_socket,
        make_hard_link,
        make_set_user_id,
        make_sticky_directory,
        make_sparse,
        make_many,
        make_many_below,
        make_much_in_parts,
    ],
)
def test_what_no_compiler_leaves_is_not_taken(out, make):
    directory, fd = out
    make(directory)
    before = open_descriptors()
    with pytest.raises(UnfitArtifactError):
        copied(fd)
    assert open_descriptors() == before


def test_a_tree_deeper_than_any_path_is_refused_and_not_followed(out):
    _, fd = out
    inner = os.dup(fd)
    for _ in range(60):
        name = "d" * 200
        os.mkdir(name, dir_fd=inner)
        below = os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=inner)
        os.close(inner)
        inner = below
    os.close(inner)
    with pytest.raises(OSError, match="File name too long"):
        copied(fd)


def test_a_file_that_became_a_link_after_the_listing_is_not_followed(out, monkeypatch):
    directory, fd = out
    (directory / "main").write_bytes(b"x" * 100)
    survey = artifact._survey

    def swap_after(*arguments):
        entries = survey(*arguments)
        (directory / "main").unlink()
        (directory / "main").symlink_to("/etc/passwd")
        return entries

    monkeypatch.setattr(artifact, "_survey", swap_after)
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        copied(fd)


def test_a_file_that_grew_after_the_listing_is_refused(out, monkeypatch):
    directory, fd = out
    (directory / "main").write_bytes(b"x" * 100)
    survey = artifact._survey

    def grow_after(*arguments):
        entries = survey(*arguments)
        (directory / "main").write_bytes(b"x" * 200)
        return entries

    monkeypatch.setattr(artifact, "_survey", grow_after)
    with pytest.raises(UnfitArtifactError, match="a moment ago"):
        copied(fd)


def test_mounts_leave_nothing_in_the_mount_table_and_no_descriptor(out):
    directory, fd = out
    (directory / "main").write_bytes(b"x" * 100_000)
    assert why_no_mounts() == ""
    copy = copied(fd)
    descriptors = open_descriptors()
    before = Path("/proc/self/mountinfo").read_text()
    mounts = [mounted(copy) for _ in range(50)]
    assert Path("/proc/self/mountinfo").read_text() == before
    for mount_fd in mounts:
        os.close(mount_fd)
    assert open_descriptors() == descriptors


def test_a_mount_that_cannot_be_filled_leaves_no_descriptor(out, monkeypatch):
    directory, fd = out
    (directory / "main").write_bytes(b"x")
    copy = copied(fd)
    before = open_descriptors()

    async def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(artifact, "_write_file", fail)
    with pytest.raises(OSError, match="No space"):
        mounted(copy)
    assert open_descriptors() == before
