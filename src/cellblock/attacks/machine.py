"""The machine and the instance under attack, counted before and after."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import time
from collections import Counter
from pathlib import Path

from msgspec import Struct

from cellblock.errors import HostError

_LEASE = re.compile(r"/leases/uids-([0-9]+)$")
"""A lease is held open by its file, in a directory of root's or of the user who serves."""
_BLOCK = 128
_CLOCK_STEP_S = 0.5
_SETTINGS = (
    "kernel/hostname", "kernel/domainname", "kernel/core_pattern", "kernel/modprobe",
    "kernel/randomize_va_space", "kernel/sysrq", "kernel/panic", "net/ipv4/ip_forward",
    "vm/overcommit_memory", "fs/suid_dumpable",
)  # fmt: skip
_COMMON_PLACES = ("/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue", "/run/lock", "/run")  # noqa: S108  # looked at only


class Instance(Struct, frozen=True):
    """The processes of a running service, found by who listens on its port."""

    parent: int
    service: int
    supervisor: int
    first_uid: int
    """The first uid of the block that its cells' users come from, as we see it."""
    lease: int = -1
    """The same as the supervisor sees it, which is root of a user namespace where an ordinary user serves."""

    @property
    def uids(self) -> range:
        """Every user that a cell of it may have."""
        return range(self.first_uid, self.first_uid + _BLOCK)


def find_instance(port: int) -> Instance:
    """Find who listens on ``port`` of this machine; raises ``HostError`` where that is no instance."""
    if os.geteuid() != 0:
        raise HostError("witnesses of an attack can be read by root only: run as root")
    service = _listener(port)
    parent = int(_stat(service)[1])
    for pid in set(_children(parent)) - {service}:
        with contextlib.suppress(OSError):
            for link in Path(f"/proc/{pid}/fd").iterdir():
                if found := _LEASE.search(str(link.readlink())):
                    first = int(found[1])
                    uid = _outside(pid, first)
                    return Instance(
                        parent=parent, service=service, supervisor=pid, first_uid=uid, lease=first
                    )
    raise HostError(f"whoever listens on port {port} has no supervisor beside it: is it `cellblock serve`?")


def health(instance: Instance) -> dict[str, object]:
    """Say what no attack may change, whatever it does: our processes and the machine's settings."""
    return {
        **{
            f"the {name} (process {pid})": _started(pid)
            for name, pid in (("service", instance.service), ("supervisor", instance.supervisor))
        },
        **{f"/proc/sys/{name}": _text(Path("/proc/sys", name)) for name in _SETTINGS},
        "host name": socket.gethostname(),
        "swaps": _text(Path("/proc/swaps")).count("\n"),
        "binary formats": _names(Path("/proc/sys/fs/binfmt_misc")),
    }


def clock_offset_s() -> float:
    """Return how far the wall clock is from the clock that nobody can set, in s."""
    return time.time() - time.monotonic()


def clock_was_set(before_s: float) -> bool:
    """Whether somebody set the clock since."""
    return abs(clock_offset_s() - before_s) > _CLOCK_STEP_S


def leftovers(instance: Instance) -> dict[str, int]:
    """Count what ended runs must not leave: groups, and what belongs to the cells' users."""
    uids = instance.uids
    return {
        "processes": sum(_lives_under(pid, uids) for pid in _pids()),
        "cgroups": sum(1 for tree in _groups(instance) for each in tree.iterdir() if each.is_dir()),
        "IPC objects": sum(_ipc_owned(uids)),
        "files": sum(_owned(Path(place), uids) for place in _COMMON_PLACES),
        "keys": sum(int(line.split(":")[0]) in uids for line in _text(Path("/proc/key-users")).splitlines()),
    }


def growth(instance: Instance) -> dict[str, int]:
    """Count what grows where something leaks: descriptors and mounts of the privileged processes."""
    privileged = [instance.supervisor, *_descendants(instance.supervisor)]
    counts: Counter[str] = Counter()
    for pid in privileged:
        with contextlib.suppress(OSError):
            counts["descriptors"] += len(list(Path(f"/proc/{pid}/fd").iterdir()))
            counts["mounts"] += _text(Path(f"/proc/{pid}/mountinfo")).count("\n")
    return {"privileged processes": len(privileged), **counts}


def _listener(port: int) -> int:
    inodes = {
        fields[9]
        for table in ("tcp", "tcp6")
        for fields in (line.split() for line in _text(Path("/proc/net", table)).splitlines()[1:])
        if int(fields[1].rpartition(":")[2], 16) == port and fields[3] == "0A"
    }
    for pid in _pids():
        with contextlib.suppress(OSError):
            if any(str(link.readlink())[8:-1] in inodes for link in Path(f"/proc/{pid}/fd").iterdir()):
                return _foremost(pid, inodes)
    raise HostError(f"nobody listens on port {port} of this machine: start `cellblock serve`")


def _foremost(pid: int, inodes: set[str]) -> int:
    """Return the process that answers, where its parent holds the socket too."""
    for child in _children(pid):
        with contextlib.suppress(OSError):
            if any(str(link.readlink())[8:-1] in inodes for link in Path(f"/proc/{child}/fd").iterdir()):
                return child
    return pid


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _stat(pid: int) -> list[str]:
    return _text(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()


def _outside(pid: int, uid: int) -> int:
    """Return who a uid of a process's user namespace is here; whoever is mapped to nobody is himself."""
    for line in _text(Path(f"/proc/{pid}/uid_map")).splitlines():
        inside, outside, count = map(int, line.split())
        if inside <= uid < inside + count:
            return outside + uid - inside
    return uid


def _started(pid: int) -> str:
    """Return when a process was started, in clock ticks since boot; empty where it is gone."""
    fields = _stat(pid)
    return fields[19] if fields and fields[0] != "Z" else ""


def _children(pid: int) -> list[int]:
    return [int(child) for child in _text(Path(f"/proc/{pid}/task/{pid}/children")).split()]


def _descendants(pid: int) -> list[int]:
    return [each for child in _children(pid) for each in (child, *_descendants(child))]


def _lives_under(pid: int, uids: range) -> bool:
    """Whether a process has one of the users; a zombie that waits for the machine's init no longer lives."""
    try:
        return Path(f"/proc/{pid}").stat().st_uid in uids and _stat(pid)[:1] != ["Z"]
    except OSError:
        return False


def _groups(instance: Instance) -> list[Path]:
    name = f"u{instance.first_uid if instance.lease < 0 else instance.lease}"
    below = ("cellblock", "*/cellblock", "*/*/cellblock")
    return [path for depth in below for path in Path("/sys/fs/cgroup").glob(f"{depth}/{name}")]


def _ipc_owned(uids: range) -> list[bool]:
    owned = []
    for kind in ("shm", "msg", "sem"):
        lines = [line.split() for line in _text(Path("/proc/sysvipc", kind)).splitlines()]
        if lines:
            column = lines[0].index("uid")
            owned += [int(fields[column]) in uids for fields in lines[1:]]
    return owned


def _owned(directory: Path, uids: range) -> int:
    owned = 0
    with contextlib.suppress(OSError), os.scandir(directory) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                owned += entry.stat(follow_symlinks=False).st_uid in uids
    return owned


def _names(directory: Path) -> list[str]:
    """Return what is in a directory of the kernel's; nothing where it is not there."""
    try:
        return sorted(path.name for path in directory.iterdir())
    except OSError:
        return []


def _text(path: Path) -> str:
    """Return a file of the kernel's; empty where it is not there."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
