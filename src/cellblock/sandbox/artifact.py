"""What a compiler left in ``/out``, taken out of its cell as bytes, and given to other cells as a mount.

Nothing here trusts what it reads: the tree was written by a submission's own compiler. It is read when
every process of that cell is dead, by descriptor, below the mount's root, without following a link, and only
where it is made of regular files and directories within a bound. Each mount that is made of it is a file
system of its own: what one run does to its files, no other can see.
"""

from __future__ import annotations

import asyncio
import mmap
import os
import stat
import struct
from collections.abc import Iterator
from itertools import islice

from msgspec import Struct

from cellblock.errors import CellblockError
from cellblock.sandbox.detached import call, mount_detached

MOST_ENTRIES = 1024
"""Files and directories of one artifact."""
_PIECE_BYTES = 1 << 20
"""Copied in one go: what else happens here waits for no more than that."""
_ENTRY_BYTES = 256
"""What it takes to remember a file or directory, besides its name and content."""
_MODE_BITS = 0o777

_OPENAT2 = 437  # on every architecture
_RESOLVE_NO_XDEV, _RESOLVE_NO_SYMLINKS, _RESOLVE_BENEATH = 0x01, 0x04, 0x08
_OPEN_HOW = struct.Struct("=QQQ")


class UnfitArtifactError(CellblockError):
    """What lies in ``/out`` is not what a compiler leaves, or too much of it."""


class Entry(Struct, frozen=True, kw_only=True):
    """A file or a directory of an artifact."""

    path: str
    """Below ``/out``, without a slash in front; empty for ``/out`` itself."""
    mode: int
    """Permission bits."""
    size_bytes: int | None
    """``None`` for a directory."""


class Artifact(Struct, frozen=True, kw_only=True):
    """A tree of regular files, in memory of its own that goes back to the kernel with the last reference."""

    entries: tuple[Entry, ...]
    """In the order in which they were made, each after the directory that it is in."""
    content: mmap.mmap
    """All files' bytes, one after the other."""
    work_area_bytes: int
    """How large the file system was that it comes from, and its mounts are."""
    work_area_inodes: int

    @property
    def size_bytes(self) -> int:
        """How much memory it holds."""
        return len(self.content) + sum(len(entry.path) + _ENTRY_BYTES for entry in self.entries)


async def take_copy(out_fd: int, *, most_bytes: int, work_area_bytes: int, work_area_inodes: int) -> Artifact:
    """Read what lies below the mount ``out_fd``, of whose cell no process is left.

    Raises ``UnfitArtifactError`` where it is anything but files and directories, or more than
    ``most_bytes``; ``OSError`` where it cannot be read.
    """
    entries = _survey(out_fd, most_bytes)
    files = [entry for entry in entries if entry.size_bytes is not None]
    # Private memory rather than bytes objects: what is let go of leaves no holes in the heap.
    total_bytes = sum(entry.size_bytes or 0 for entry in files)
    content = mmap.mmap(-1, max(total_bytes, 1), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    offset = 0
    for entry in files:
        fd = _open_below(out_fd, entry.path, os.O_RDONLY)
        try:
            await _read_file(fd, entry, content, offset)
        finally:
            os.close(fd)
        offset += entry.size_bytes or 0
    return Artifact(
        entries=entries, content=content, work_area_bytes=work_area_bytes, work_area_inodes=work_area_inodes
    )


async def mount_copy(artifact: Artifact) -> int:
    """Return a detached mount of a new file system with the artifact in it; the caller closes it.

    It belongs to root and lies nowhere in the file tree. Raises ``OSError``.
    """
    mount_fd = _new_file_system(artifact)
    try:
        offset = 0
        for entry in artifact.entries:
            if entry.size_bytes is None:
                if entry.path:
                    os.mkdir(entry.path, 0o700, dir_fd=mount_fd)
                continue
            fd = os.open(
                entry.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=mount_fd
            )
            try:
                await _write_file(fd, memoryview(artifact.content)[offset : offset + entry.size_bytes])
                os.fchmod(fd, entry.mode)
            finally:
                os.close(fd)
            offset += entry.size_bytes
        for entry in reversed(artifact.entries):
            if entry.size_bytes is None:
                os.chmod(entry.path or ".", entry.mode, dir_fd=mount_fd)
    except BaseException:
        os.close(mount_fd)
        raise
    return mount_fd


def why_no_mounts() -> str:
    """Say why no file system can be made here; empty where it can."""
    try:
        os.close(_new_file_system(None))
    except OSError as error:
        return str(error)
    return ""


def _survey(out_fd: int, most_bytes: int) -> tuple[Entry, ...]:
    """List the tree, each directory before what is in it, siblings oldest first."""
    entries = [Entry(path="", mode=_permissions(os.stat(out_fd)), size_bytes=None)]
    total_bytes = 0
    for directory in entries:  # which grows meanwhile
        if directory.size_bytes is not None:
            continue
        for name, status in _list(out_fd, directory.path, MOST_ENTRIES - len(entries)):
            is_file = stat.S_ISREG(status.st_mode)
            path = f"{directory.path}/{name}" if directory.path else name
            if not (is_file or stat.S_ISDIR(status.st_mode)) or (is_file and status.st_nlink != 1):
                raise UnfitArtifactError(f"{path!r} is neither a file of its own nor a directory")
            total_bytes += status.st_size if is_file else 0
            if total_bytes > most_bytes:
                raise UnfitArtifactError(f"more than {most_bytes} bytes")
            size_bytes = status.st_size if is_file else None
            entries.append(Entry(path=path, mode=_permissions(status), size_bytes=size_bytes))
    return tuple(entries)


def _list(out_fd: int, path: str, most: int) -> Iterator[tuple[str, os.stat_result]]:
    fd = _open_below(out_fd, path or ".", os.O_RDONLY | os.O_DIRECTORY)
    try:
        with os.scandir(fd) as listed:
            found = list(islice(listed, most + 1))
        if len(found) > most:
            raise UnfitArtifactError(f"more than {MOST_ENTRIES} files and directories")
        # The kernel lists the newest first.
        for entry in reversed(found):
            yield entry.name, entry.stat(follow_symlinks=False)
    finally:
        os.close(fd)


def _permissions(status: os.stat_result) -> int:
    mode = stat.S_IMODE(status.st_mode)
    if mode & ~_MODE_BITS:
        raise UnfitArtifactError(f"mode {mode:o}")
    return mode


async def _read_file(fd: int, entry: Entry, content: mmap.mmap, start: int) -> None:
    size_bytes = entry.size_bytes or 0
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode) or status.st_size != size_bytes:
        raise UnfitArtifactError(f"{entry.path!r} is not what it was a moment ago")
    view = memoryview(content)[start : start + size_bytes]
    while view:
        got = os.readv(fd, [view[:_PIECE_BYTES]])
        if got == 0:
            raise UnfitArtifactError(f"{entry.path!r} ends too early")
        view = view[got:]
        await asyncio.sleep(0)


async def _write_file(fd: int, view: memoryview) -> None:
    while view:
        view = view[os.write(fd, view[:_PIECE_BYTES]) :]
        if view:
            await asyncio.sleep(0)


def _open_below(directory_fd: int, path: str, flags: int) -> int:
    resolve = _RESOLVE_BENEATH | _RESOLVE_NO_SYMLINKS | _RESOLVE_NO_XDEV
    how = _OPEN_HOW.pack(flags | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY, 0, resolve)
    return call(_OPENAT2, directory_fd, os.fsencode(path), how, _OPEN_HOW.size)


def _new_file_system(artifact: Artifact | None) -> int:
    """Return a detached mount of an empty tmpfs."""
    options: dict[str, str | None] = {"mode": "0755"}
    if artifact is not None:
        options |= {"size": str(artifact.work_area_bytes), "nr_inodes": str(artifact.work_area_inodes)}
    return mount_detached("tmpfs", options)
