"""Being root without being the machine's: a user namespace of our own.

An ordinary user may make one, and in it every other kind. The uids of cells come from the user's
own ranges of ``/etc/subuid`` and ``/etc/subgid`` by ``newuidmap``; where there are none, the
namespace has a single uid, every process of a cell is the user himself, and ``unprivileged_uid``
cannot hold.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from pathlib import Path

from msgspec import Struct

from cellblock import subids
from cellblock.errors import HostError
from cellblock.sandbox.leases import BLOCK_SIZE

_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNS = 0x00020000
_UID_MAP = Path("/proc/self/uid_map")
_SWITCHES = Path("/proc/sys")
_ALL_UIDS = 2**32 - 1

KINDS = ("pid", "mnt", "net", "ipc", "uts", "cgroup")
"""Of namespaces that cells are made of."""

_made_by: list[int] = []
"""The user who made our namespace, once it is made: the whole process's state, as the namespace is."""

_limits_outside: dict[str, int] = {}
"""How many namespaces of each kind there may be where we came from: inside, one sees the inside's own."""

_MOST_NAMESPACES = 2**31 - 1

_PEOPLE = range(1_000, 60_000)
"""Uids that Debian gives to people; those around are the system's."""

_libc = ctypes.CDLL(None, use_errno=True)


class IdMap(Struct, frozen=True):
    """The uids that there are in our user namespace."""

    ranges: tuple[tuple[int, int, int], ...]
    """First uid inside, first uid in the namespace above, how many."""

    @property
    def is_whole(self) -> bool:
        """Whether this is the machine's own namespace, or one that has all its uids."""
        return any(count == _ALL_UIDS for _, _, count in self.ranges)

    @property
    def count(self) -> int:
        """How many uids there are."""
        return sum(count for _, _, count in self.ranges)

    @property
    def outer_root(self) -> int:
        """Who our root is in the namespace above; -1 where there is none."""
        return next((above for first, above, _ in self.ranges if first == 0), -1)

    def within(self, first_uid: int, last_uid: int) -> tuple[int, int] | None:
        """Return the longest part of ``first_uid..last_uid`` that there is; ``None`` below a lease's size."""
        parts = [(max(first_uid, first), min(last_uid, first + count - 1)) for first, _, count in self.ranges]
        longest = max(parts, key=lambda part: part[1] - part[0], default=(0, -1))
        return longest if longest[1] - longest[0] + 1 >= BLOCK_SIZE else None


def read_id_map() -> IdMap:
    """Read our namespace's uids from the kernel."""
    lines = _UID_MAP.read_text(encoding="ascii").splitlines()
    rows = [[int(field) for field in line.split()] for line in lines]
    return IdMap(tuple((first, above, count) for first, above, count in rows))


def enter_user_namespace(uid_range: tuple[int, int]) -> None:
    """Become root of a new user namespace in which as much of ``uid_range`` exists as the user may have.

    For a process with a single thread. Raises ``HostError`` where the kernel makes no such namespace.
    """
    uid, gid = os.geteuid(), os.getegid()
    limits = {kind: namespace_limit(kind) for kind in KINDS}
    ready, go = os.pipe()
    helper = os.fork()
    if helper == 0:
        os.close(go)
        os._exit(_map_from_outside(ready, os.getppid(), uid_range))
    os.close(ready)
    try:
        made = _libc.unshare(_CLONE_NEWUSER) == 0
        error = ctypes.get_errno()
        if made:
            os.write(go, b"g")
    finally:
        os.close(go)
        os.waitpid(helper, 0)
    if not made:
        raise HostError(f"no user namespace: {os.strerror(error)}; {_what_allows_it()}")
    _map_what_is_not("gid_map", gid)
    _map_what_is_not("uid_map", uid)
    _made_by.append(uid)
    _limits_outside.update(limits)
    # Only root of the mount namespace that he is in makes file systems. Without one, the probe says so.
    _libc.unshare(_CLONE_NEWNS)


def is_our_own() -> bool:
    """Say whether we have made our user namespace: an ordinary user has started us."""
    return bool(_made_by)


def namespace_limit(kind: str) -> int:
    """Return how many namespaces of the kind there may be, here and where we came from."""
    path = Path("/proc/sys/user", f"max_{kind}_namespaces")
    here = int(path.read_text(encoding="ascii")) if path.exists() else _MOST_NAMESPACES
    return min(here, _limits_outside.get(kind, _MOST_NAMESPACES))


def refusing_switch() -> str:
    """Return the command that turns the switch which forbids user namespaces; empty where none does."""
    for name, refusing, value in (
        ("user.max_user_namespaces", "0", "10000"),
        ("kernel.unprivileged_userns_clone", "0", "1"),
        ("kernel.apparmor_restrict_unprivileged_userns", "1", "0"),
    ):
        path = _SWITCHES / name.replace(".", "/")
        try:
            turned = path.read_text(encoding="ascii").strip()
        except OSError:  # this kernel has no such switch, or shows it to nobody but root
            continue
        if turned == refusing:
            return f"sysctl {name}={value}"
    return ""


def _what_allows_it() -> str:
    return " or ".join(filter(None, (refusing_switch(), "run as root")))


def what_gives_uids(id_map: IdMap, uid_range: tuple[int, int]) -> str:
    """Return what gives our namespace uids for cells: the command, or the setting.

    A namespace of our own making has what the user was given. One that we were started in, as a
    container's, is mapped for good: there ``newuidmap`` is never asked.
    """
    if _made_by:
        return _what_gives_a_user_uids(_made_by[0])
    size = uid_range[1] - uid_range[0] + 1
    for first, _, count in id_map.ranges:
        last = min(first + count, _PEOPLE.stop) - 1
        if last - size + 1 >= max(first, _PEOPLE.start):
            return (
                f"CELLBLOCK_UID_RANGE={last - size + 1}-{last}, if nothing else in the namespace uses these; "
                f"or start its container with uids up to {uid_range[1]}"
            )
    return (
        f"start the container, or the namespace that we were started in, with uids up to {uid_range[1]} "
        "(the engine's --uidmap); nothing inside can give it more"
    )


def _what_gives_a_user_uids(uid: int) -> str:
    steps = []
    lacking = subids.lacking(uid, BLOCK_SIZE)
    if lacking:
        steps.append(f"as root: {subids.giving(uid, lacking)}")
    if "NoNewPrivs:\t1" in Path("/proc/self/status").read_text(encoding="ascii"):
        steps.append(
            "start cellblock without no_new_privs, which keeps newuidmap from its rights "
            "(NoNewPrivileges= in a unit, no-new-privileges:true in a container)"
        )
    return "; ".join(steps) or (
        "apt-get install --reinstall uidmap: newuidmap has to be set-user-id root, "
        "on a file system that is not mounted nosuid"
    )


def _map_from_outside(ready: int, target: int, uid_range: tuple[int, int]) -> int:
    """In a process that has stayed outside: have the set-user-id tools map our ranges."""
    if os.read(ready, 1) != b"g":
        return 1
    outside = {"newuidmap": os.geteuid(), "newgidmap": os.getegid()}
    ranges = {tool: subids.longest_range(file, os.geteuid()) for file, tool in subids.TOOLS.items()}
    first = -(-uid_range[0] // BLOCK_SIZE) * BLOCK_SIZE  # as leases are aligned
    count = min(uid_range[1] - first + 1, *(size for _, size in ranges.values()))
    if count < BLOCK_SIZE:
        return 1
    for tool, (start, _) in ranges.items():
        path = shutil.which(tool)
        if path is None:
            return 1
        triples = map(str, (target, 0, outside[tool], 1, first, start, count))
        done = subprocess.run([path, *triples], stdin=subprocess.DEVNULL, check=False)
        if done.returncode != 0:
            return 1
    return 0


def _map_what_is_not(name: str, outer_id: int) -> None:
    """Map root to ourselves where the tools have mapped nothing."""
    path = Path("/proc/self", name)
    if path.read_text(encoding="ascii").strip():
        return
    try:
        if name == "gid_map":
            Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        path.write_text(f"0 {outer_id} 1", encoding="ascii")
    except OSError as error:
        raise HostError(f"cannot map our own id in {path}: {error.strerror}; {_what_allows_it()}") from error
