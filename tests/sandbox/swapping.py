"""Somebody without rights who moves things under root's hands, and the witness of what root then did."""

from __future__ import annotations

import ctypes
import os
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ATTACKER_UID = 65534
_IN_ACCESS, _IN_MODIFY, _IN_ATTRIB, _IN_OPEN = 0x1, 0x2, 0x4, 0x20
_IN_OF_ENTRIES = 0x40 | 0x80 | 0x100 | 0x200 | 0x400  # moved, created, deleted
_EVENT = struct.Struct("=iIII")
_libc = ctypes.CDLL(None, use_errno=True)

# Kinds of thing lie in stock; one exchange after another puts them into the place that is watched.
_SWAPPER = """
import ctypes, itertools, os, socket, sys
uid, place, file, directory = int(sys.argv[1]), *sys.argv[2:5]
os.setresgid(uid, uid, uid); os.setresuid(uid, uid, uid)
stock = os.path.join(os.path.dirname(place), ".stock"); os.makedirs(stock)
def at(name): return os.path.join(stock, name)
os.symlink(directory, at("link-to-directory")); os.symlink(file, at("link-to-file"))
os.symlink("..", at("link-up")); os.mkfifo(at("fifo")); os.mkdir(at("directory")); os.mkdir(at("full"))
open(at("full/it"), "w").close(); open(at("file"), "w").close(); os.symlink(directory, at("full/link"))
s = socket.socket(socket.AF_UNIX); s.bind(at("socket"))
if not os.path.lexists(place): os.mkdir(place)
swap = ctypes.CDLL(None).renameat2
names = [at(name).encode() for name in os.listdir(stock)]
print("swapping", flush=True)
for name in itertools.cycle(names):
    swap(-100, place.encode(), -100, name, 2)
    # What was there may be gone or ours to put back: the next exchange tries with another.
    if not os.path.lexists(place):
        try: os.symlink(directory, place)
        except OSError: pass
"""


@contextmanager
def swapped(place: Path, file: Path, directory: Path, uid: int = ATTACKER_UID) -> Iterator[None]:
    """Have what is at ``place`` change kind all the time, by a process of ``uid``, who owns its directory."""
    argv = [sys.executable, "-c", _SWAPPER, str(uid), str(place), str(file), str(directory)]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "swapping\n"
        yield
        assert process.poll() is None, "the swapper has ended"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


class Canary:
    """A file and an empty directory of root's that nobody has business with, and what happens to them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory / "of-root"
        self.directory.mkdir(mode=0o755)
        self.file = directory / "secret"
        self.file.write_text("secret")
        self.file.chmod(0o600)
        self._before = self._state()
        self._watch = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        for path, mask in (
            (self.file, _IN_ACCESS | _IN_MODIFY | _IN_ATTRIB | _IN_OPEN),
            (self.directory, _IN_ATTRIB | _IN_OF_ENTRIES),
        ):
            assert _libc.inotify_add_watch(self._watch, os.fsencode(path), mask) >= 0

    def touched(self) -> list[str]:
        """Return what was done to them; empty is well."""
        seen = [] if self._state() == self._before else [f"changed: {self._before} -> {self._state()}"]
        try:
            events = os.read(self._watch, 1 << 16)
        except BlockingIOError:
            return seen
        while events:
            _, mask, _, size = _EVENT.unpack_from(events)
            seen.append(f"event {mask:#x}")
            events = events[_EVENT.size + size :]
        return seen

    def close(self) -> None:
        os.close(self._watch)

    def _state(self) -> Sequence[tuple[int, ...]]:
        found = [path.lstat() for path in (self.file, self.directory)]
        return [(one.st_uid, one.st_gid, one.st_mode, one.st_nlink, one.st_ctime_ns) for one in found]
