"""The toolchain directory: who may change it, and how something appears in it only when it is complete.

Everything is made below ``work`` and renamed into its place; ``installed.json`` then says that it holds.
What is no longer said to hold is removed as soon as no running process keeps it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from cellblock.errors import HostError
from cellblock.languages.installed import State, component_dir, read_state, tree_dir

_SPECIAL_BITS = stat.S_ISUID | stat.S_ISGID


class Place:
    """One toolchain directory; only the holder of ``locked`` changes it."""

    def __init__(self, path: Path) -> None:
        """Use ``path``, which need not exist yet."""
        self.path = path
        self.work = path / "work"
        self.downloads = path / "downloads"
        self.apt = path / "apt"

    @contextmanager
    def locked(self, on_wait: Callable[[str], None]) -> Iterator[None]:
        """Be the only one that installs here; ``on_wait`` is told the process that has to end first."""
        try:
            self.path.mkdir(mode=0o755, parents=True, exist_ok=True)
            descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise HostError(
                f"cannot write to {self.path}: {error.strerror}; "
                "install as root or set CELLBLOCK_TOOLCHAIN_DIR"
            ) from error
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                on_wait(os.pread(descriptor, 20, 0).decode().strip())
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            self.sweep()
            try:
                yield
            finally:
                self.sweep()
        finally:
            os.close(descriptor)

    def state(self) -> State | None:
        """Return what holds now."""
        return read_state(self.path)

    def switch(self, state: State) -> None:
        """Say what holds from now on, all at once."""
        new = self.path / "installed.json.new"
        new.write_bytes(msgspec.json.format(msgspec.json.encode(state)) + b"\n")
        os.sync()
        new.replace(self.path / "installed.json")

    def fresh(self, name: str) -> Path:
        """Return an empty directory to make something in."""
        path = self.work / name
        _remove(path)
        path.mkdir(mode=0o755, parents=True)
        return path

    def discard(self, path: Path) -> None:
        """Remove a directory that is not needed any more, if it is there."""
        _remove(path)

    def publish(self, made: Path, manifest: msgspec.Struct, final: Path) -> None:
        """Put what was made, with its manifest, in its place; whoever sees it there sees all of it."""
        (made / "manifest.json").write_bytes(msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
        made.chmod(0o755)
        final.parent.mkdir(mode=0o755, exist_ok=True)
        _remove(final)
        os.sync()  # a name that outlives a power cut must not stand for files that do not
        made.rename(final)

    def free_bytes(self) -> int:
        """Return how much more fits below the directory."""
        found = os.statvfs(next(path for path in (self.path, *self.path.parents) if path.exists()))
        return found.f_bavail * found.f_frsize

    def sweep(self) -> None:
        """Remove what an interrupted installation left and what no longer holds and nobody keeps."""
        _remove(self.work)
        state = self.state()
        kept = set()
        if state:
            kept.add(tree_dir(self.path, state.tree))
            kept.update(component_dir(self.path, name, found) for name, found in state.components.items())
        for room in ("trees", "components"):
            directory = self.path / room
            for path in directory.iterdir() if directory.is_dir() else ():
                if path not in kept and _nobody_holds(path):
                    path.rename(self.fresh("swept") / path.name)
                    _remove(self.work)


def measure_and_close(directory: Path) -> int:
    """Take set-uid and set-gid bits off every file below; returns the bytes that all of it takes on disk."""
    total_bytes = 0
    seen: set[int] = set()
    for name, here in entries_below(directory):
        found = os.stat(name, dir_fd=here, follow_symlinks=False)
        if found.st_ino in seen:
            continue
        seen.add(found.st_ino)
        total_bytes += found.st_blocks * 512
        if stat.S_ISREG(found.st_mode) and found.st_mode & _SPECIAL_BITS:
            _close(name, here)
    return total_bytes


def entries_below(directory: Path | str, above: int | None = None) -> Iterator[tuple[str, int]]:
    """Yield every name below a directory with a descriptor of where it is; no link is ever followed.

    Another's process may be moving things about meanwhile: what is no directory any more is not entered.
    """
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        here = os.open(directory, flags, dir_fd=above)
    except OSError:
        if above is None:
            raise
        return
    try:
        with os.scandir(here) as scanned:
            entries = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in scanned]
        for name, is_directory in entries:
            yield name, here
            if is_directory:
                yield from entries_below(name, here)
    finally:
        os.close(here)


def _close(name: str, directory: int) -> None:
    """Take the bits off the file itself, never off what a link of that name leads to."""
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=directory)
    try:
        os.fchmod(descriptor, stat.S_IMODE(os.fstat(descriptor).st_mode) & ~_SPECIAL_BITS)
    finally:
        os.close(descriptor)


def _nobody_holds(path: Path) -> bool:
    """Whether no process has locked the directory (see ``languages.installed.hold_installed_root``)."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def _remove(path: Path) -> None:
    if path.exists():
        shutil.rmtree(path)
