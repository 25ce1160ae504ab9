"""Directories that root makes, gives away or puts sockets in, reached by steps that only root can have laid.

Where anyone else may write on the way, what a path names can change between a look and its use; so the way is
walked one name at a time, by descriptor, and refused where somebody else could move a step of it.
"""

from __future__ import annotations

import os
import stat
from collections import deque
from pathlib import Path

from cellblock.errors import HostError

_MOST_LINKS = 40
_STEP = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def open_directory(path: Path, mode: int, purpose: str) -> int:
    """Return a descriptor of the directory, made with ``mode`` where it is not there, its parents with 0755.

    ``purpose`` is the setting that an error names. Raises ``HostError`` where somebody besides root (and
    besides us) may change what the path leads to, and ``OSError`` where it cannot be opened or made.
    """
    parts = deque(path.absolute().parts[1:])
    ours = _trusted_owners()
    here = os.open("/", _STEP)
    links = 0
    walked = Path("/")
    try:
        while parts:
            part = parts.popleft()
            _require_ours(os.fstat(here), walked, path, purpose)
            try:
                found = os.stat(part, dir_fd=here, follow_symlinks=False)
            except FileNotFoundError:
                os.mkdir(part, 0o755 if parts else mode, dir_fd=here)
                found = os.stat(part, dir_fd=here, follow_symlinks=False)
            if stat.S_ISLNK(found.st_mode):
                links += 1
                if links > _MOST_LINKS or found.st_uid not in ours:
                    raise _refusal(walked / part, found.st_uid, path, purpose)
                target = Path(os.readlink(part, dir_fd=here))
                if target.is_absolute():
                    here, walked = _step(here, "/"), Path("/")
                parts.extendleft(reversed([one for one in target.parts if one != "/"]))
            else:
                here, walked = _step(here, part), walked / part
        descriptor = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=here)
    finally:
        os.close(here)
    return descriptor


def require_own_way(path: Path, purpose: str) -> None:
    """Raise as ``open_directory`` does, and where somebody else may change the directory itself."""
    descriptor = open_directory(path, 0o755, purpose)
    try:
        _require_ours(os.fstat(descriptor), path, path, purpose)
    finally:
        os.close(descriptor)


def _step(here: int, part: str) -> int:
    below = os.open(part, _STEP, dir_fd=here)
    os.close(here)
    return below


def _require_ours(found: os.stat_result, walked: Path, path: Path, purpose: str) -> None:
    """Whoever may write to a directory may move what is in it, but for others' entries where it is sticky."""
    writers = found.st_mode & (stat.S_IWOTH | (stat.S_IWGRP if found.st_gid else 0))
    if found.st_uid not in _trusted_owners() or (writers and not found.st_mode & stat.S_ISVTX):
        raise _refusal(walked, found.st_uid, path, purpose)


def _trusted_owners() -> set[int]:
    """Return root and us; in a user namespace also those outside of it, who are all shown as one."""
    whole = Path("/proc/self/uid_map").read_text(encoding="ascii").split() == ["0", "0", "4294967295"]
    outside = set() if whole else {int(Path("/proc/sys/kernel/overflowuid").read_text(encoding="ascii"))}
    return {0, os.geteuid()} | outside


def _refusal(step: Path, owner: int, path: Path, purpose: str) -> HostError:
    return HostError(
        f"{path} is no safe place for what root does there: {step}, of uid {owner}, can be changed by "
        f"others; give {step} to root alone (chown root, chmod go-w) or choose another {purpose}"
    )
