"""Directories of a running instance: who owns them, who may enter, and the locks on them."""

from __future__ import annotations

import fcntl
import os
import pwd
import re
import time
from pathlib import Path

from cellblock.app import privileges
from cellblock.app.own_paths import open_directory, require_own_way
from cellblock.config import Settings
from cellblock.errors import HostError

_ORPHANS_PATIENCE_S = 10.0
_ORPHANS_PAUSE_S = 0.05


def service_user(settings: Settings) -> pwd.struct_passwd | None:
    """Return the account that the service becomes, ``None`` where we are not root; raises ``HostError``."""
    return privileges.find_user(settings.service_user) if os.geteuid() == 0 else None


def make_runtime_dir(settings: Settings) -> Path:
    """Return the runtime directory, made if need be; raises ``HostError``."""
    if os.geteuid() != 0:
        return _make(settings.runtime_dir, 0o700)
    _require_own(settings.runtime_dir, "CELLBLOCK_RUNTIME_DIR")
    return settings.runtime_dir


def make_instance_dir(settings: Settings, user: pwd.struct_passwd | None) -> Path:
    """Return the directory of this port's instance: ours to write, the service's group may enter."""
    path = make_runtime_dir(settings) / str(settings.port)
    if user is None:
        _make(path, 0o700).chmod(0o700)
        return path
    try:
        directory = open_directory(path, 0o750, "CELLBLOCK_RUNTIME_DIR")
        try:
            os.fchown(directory, 0, user.pw_gid)
            os.fchmod(directory, 0o750)
        finally:
            os.close(directory)
    except OSError as error:
        raise HostError(f"cannot prepare {path}: {error.strerror}") from error
    # Elsewhere the socket's path could become anything before its owner and mode are set.
    _require_own(settings.supervisor_socket.parent, "CELLBLOCK_SUPERVISOR_SOCKET")
    return path


def _require_own(path: Path, purpose: str) -> None:
    try:
        require_own_way(path, purpose)
    except OSError as error:
        raise HostError(
            f"cannot make the directory {path}: {error.strerror}; choose another {purpose}"
        ) from error


def make_data_dir(settings: Settings, user: pwd.struct_passwd | None) -> Path:
    """Return the data directory, which only the service's user enters; raises ``HostError``."""
    if user:
        privileges.give_directory(settings.data_dir, user)
    else:
        _make(settings.data_dir, 0o700)
    return settings.data_dir


def lock(directory: Path, purpose: str) -> int:
    """Lock a directory for as long as the returned descriptor, or one that a child inherits, is open.

    Where whoever took the lock is dead, its children are about to end: that is waited for. Raises
    ``HostError`` that names the holder and the setting to change (``purpose``).
    """
    try:
        descriptor = _open(directory)
    except OSError as error:
        raise HostError(
            f"cannot open {directory}: {error.strerror}; set {purpose} to something else"
        ) from error
    deadline_s = time.monotonic() + _ORPHANS_PATIENCE_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder_pid = _lock_holder(os.fstat(descriptor))
            if holder_pid is None and time.monotonic() < deadline_s:
                time.sleep(_ORPHANS_PAUSE_S)
                continue
            os.close(descriptor)
            holder = f"pid {holder_pid}" if holder_pid else "its process is dead or not visible here"
            raise HostError(
                f"another cellblock ({holder}) uses {directory}: stop it, or set {purpose} to something else"
            ) from None
        return descriptor


def _open(directory: Path) -> int:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    try:
        return os.open(directory, flags)
    except PermissionError:  # in a container root may not enter what is closed to all but its owner
        with privileges.acting_as(directory.stat().st_uid):
            return os.open(directory, flags)


def _make(path: Path, mode: int) -> Path:
    try:
        path.mkdir(mode=mode, parents=True, exist_ok=True)
    except OSError as error:
        raise HostError(f"cannot make the directory {path}: {error.strerror}") from error
    return path


def _lock_holder(locked: os.stat_result) -> int | None:
    """Return the holder as the kernel knows it; a lock on a directory leaves no room to write it down.

    ``None`` where it is dead, so that only its children hold the lock, or in a container that we cannot see.
    """
    device = f"{os.major(locked.st_dev):02x}:{os.minor(locked.st_dev):02x}:{locked.st_ino}"
    held = re.search(rf"FLOCK +ADVISORY +WRITE +([0-9]+) {device} ", Path("/proc/locks").read_text("ascii"))
    return int(held[1]) if held and Path(f"/proc/{held[1]}").exists() else None
