"""File systems that are mounted nowhere: nobody but the holder of their descriptor can reach them."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping

# The same on every architecture.
_FSOPEN, _FSCONFIG, _FSMOUNT = 430, 431, 432
_FSCONFIG_SET_FLAG, _FSCONFIG_SET_STRING, _FSCONFIG_CMD_CREATE = 0, 1, 6
_FSOPEN_CLOEXEC = _FSMOUNT_CLOEXEC = 1
_MOUNT_ATTR_NOSUID, _MOUNT_ATTR_NODEV = 2, 4

_syscall = ctypes.CDLL(None, use_errno=True).syscall
_syscall.restype = ctypes.c_long


def mount_detached(kind: str, options: Mapping[str, str | None]) -> int:
    """Return a detached mount of a new file system, the caller's to close; an option of ``None`` is a flag.

    Raises ``OSError`` where the kernel makes none.
    """
    context_fd = call(_FSOPEN, kind.encode(), _FSOPEN_CLOEXEC)
    try:
        for name, value in options.items():
            how = _FSCONFIG_SET_FLAG if value is None else _FSCONFIG_SET_STRING
            call(_FSCONFIG, context_fd, how, name.encode(), None if value is None else value.encode(), 0)
        call(_FSCONFIG, context_fd, _FSCONFIG_CMD_CREATE, None, None, 0)
        return call(_FSMOUNT, context_fd, _FSMOUNT_CLOEXEC, _MOUNT_ATTR_NOSUID | _MOUNT_ATTR_NODEV)
    finally:
        os.close(context_fd)


def call(number: int, *arguments: int | bytes | None) -> int:
    """Make a system call that the C library may not know; raises ``OSError``."""
    typed = [
        ctypes.c_long(value) if isinstance(value, int) else ctypes.c_char_p(value) for value in arguments
    ]
    result: int = _syscall(ctypes.c_long(number), *typed)
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result
