"""Giving up root, for good, and ending with the parent. Linux only; called before any thread starts.

What is dropped: supplementary groups, group and user ids, every capability set, and by
``no_new_privs`` the way back through set-user-id programs.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cellblock.app.own_paths import open_directory
from cellblock.errors import HostError

_PR_SET_PDEATHSIG = 1
_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4
_CAPABILITY_VERSION_3 = 0x20080522
_CAPABILITY_NUMBERS = range(64)
_CAPABILITY_SETS = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")

_OWNER_ONLY = 0o700

_libc = ctypes.CDLL(None, use_errno=True)


def find_user(name: str) -> pwd.struct_passwd:
    """Return the unprivileged user ``name``; raises ``HostError`` when there is none or it is root."""
    try:
        user = pwd.getpwnam(name)
    except KeyError as error:
        raise HostError(
            f"user {name!r} does not exist; create it: useradd --system --user-group --no-create-home "
            f"--home-dir /nonexistent --shell /usr/sbin/nologin {name}"
        ) from error
    if user.pw_uid == 0:
        raise HostError(f"user {name!r} is root; CELLBLOCK_SERVICE_USER must be an unprivileged user")
    return user


def give_directory(path: Path, user: pwd.struct_passwd) -> None:
    """Make ``path`` a directory that only ``user`` enters.

    A directory that is there already is taken over only when it is empty or the user's own:
    ``HostError`` keeps a mistyped setting from changing the owner of something else.
    """
    if _is_given(path, user):
        return
    try:
        directory = open_directory(path, 0o700, "CELLBLOCK_DATA_DIR")
    except OSError as error:
        raise HostError(
            f"data directory {path}: {error.strerror}; choose another CELLBLOCK_DATA_DIR"
        ) from error
    try:
        found = os.fstat(directory)
        if found.st_uid != user.pw_uid and os.listdir(directory):  # noqa: PTH208  # of the descriptor, not of a path
            raise HostError(
                f"data directory {path} belongs to uid {found.st_uid} and is not empty; "
                f"chown it to {user.pw_name} or choose another CELLBLOCK_DATA_DIR"
            )
        # In this order, and as its owner: in a container root may not change the mode of others' directories.
        with acting_as(found.st_uid):
            os.fchmod(directory, _OWNER_ONLY)
        if (found.st_uid, found.st_gid) != (user.pw_uid, user.pw_gid):
            os.fchown(directory, user.pw_uid, user.pw_gid)
    except OSError as error:
        raise HostError(
            f"data directory {path}: cannot be given to {user.pw_name}: {error.strerror}; "
            "make its file system writable or choose another CELLBLOCK_DATA_DIR"
        ) from error
    finally:
        os.close(directory)


def _is_given(path: Path, user: pwd.struct_passwd) -> bool:
    """Whether there is nothing to do with our rights, wherever the path leads."""
    try:
        found = path.stat()
    except OSError:
        return False
    as_wanted = (user.pw_uid, user.pw_gid, _OWNER_ONLY)
    return stat.S_ISDIR(found.st_mode) and as_wanted == (
        found.st_uid,
        found.st_gid,
        stat.S_IMODE(found.st_mode),
    )


@contextmanager
def acting_as(uid: int) -> Iterator[None]:
    """Be ``uid`` for the file system meanwhile, as far as root can; called before any thread starts."""
    before = os.geteuid()
    if before == 0 and uid != 0:
        os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(before)


def drop_to(user: pwd.struct_passwd) -> None:
    """Become ``user``, without any way back; raises ``HostError`` when anything is left."""
    for capability in _CAPABILITY_NUMBERS:
        if _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            break  # past the last one that this kernel knows
    os.setgroups([])
    os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
    os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
    _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    _clear_capabilities()
    forbid_new_privileges()
    _verify_dropped(user)


def forbid_new_privileges() -> None:
    """Set ``no_new_privs``, which nothing can unset."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def end_with_parent(parent_pid: int) -> None:
    """Have the kernel send SIGTERM when the parent ends; exit where ``parent_pid`` is gone already.

    Called after ``drop_to``, since a change of user clears the setting.
    """
    _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent_pid:
        raise SystemExit(0)


def _prctl(option: int, argument: int) -> None:
    if _libc.prctl(option, argument, 0, 0, 0) != 0:
        errno = ctypes.get_errno()
        raise HostError(f"prctl({option}, {argument}) failed: {os.strerror(errno)}")


def _clear_capabilities() -> None:
    """Empty the permitted, effective and inheritable sets; a change of user leaves the last one."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    if _libc.capset(header, nothing) != 0:
        raise HostError(f"capset failed: {os.strerror(ctypes.get_errno())}")


def _verify_dropped(user: pwd.struct_passwd) -> None:
    """Read back from the kernel that nothing is left."""
    with suppress(PermissionError):
        os.setresuid(0, 0, 0)
        raise HostError("root could be regained after it was given up")
    lines = Path("/proc/thread-self/status").read_text().splitlines()
    fields = {name: value.split() for name, _, value in (line.partition(":") for line in lines)}
    wanted = {
        "Uid": [str(user.pw_uid)] * 4,
        "Gid": [str(user.pw_gid)] * 4,
        "Groups": [],
        "NoNewPrivs": ["1"],
        **{name: ["0" * 16] for name in _CAPABILITY_SETS},
    }
    left = [f"{name} is {fields.get(name)}" for name, value in wanted.items() if fields.get(name) != value]
    if left:
        raise HostError(f"privileges were not given up: {', '.join(left)}")
