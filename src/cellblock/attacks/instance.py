"""The instance under attack: its processes, its users, its control groups."""

from __future__ import annotations

import os
import re
from pathlib import Path

from msgspec import Struct

from cellblock.attacks import proc
from cellblock.errors import HostError

_LEASE = re.compile(r"/leases/uids-([0-9]+)$")
"""A lease is held open by its file, in a directory of root's or of the user who serves."""
_BLOCK = 128
_ALL_UIDS = "4294967295"
_MKNOD = 27
_SECRET_NAMES = ("TOKEN", "SECRET", "PASSWORD", "_KEY")
_SHORTEST_SECRET = 12
"""What is shorter may stand in an answer by chance."""
_CGROUPS = Path("/sys/fs/cgroup")


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

    @property
    def program_uids(self) -> range:
        """Every user that a program of it may have: of each pair the second."""
        return self.uids[1::2]

    @property
    def environment(self) -> dict[str, str]:
        """What its processes were started with, its settings among it; the service's own word counts."""
        found: dict[str, str] = {}
        for pid in (self.parent, self.supervisor, self.service):
            lines = proc.text(Path(f"/proc/{pid}/environ")).split("\0")
            found |= {name: value for name, given, value in (line.partition("=") for line in lines) if given}
        return found

    @property
    def secrets(self) -> list[str]:
        """What of that is nobody's business: tokens and keys, by the names that such have."""
        return [
            value
            for name, value in self.environment.items()
            if name.endswith(_SECRET_NAMES) and len(value) >= _SHORTEST_SECRET
        ]

    @property
    def groups(self) -> list[Path]:
        """The directories in which it makes a group for each cell, one a hierarchy."""
        name = f"cellblock/u{self.first_uid if self.lease < 0 else self.lease}"
        found = {path for depth in ("", "*/", "*/*/") for path in _CGROUPS.glob(depth + name)}
        # Where a part of the tree was handed to it, that may be deeper: then it is beside its own group.
        for line in proc.text(Path(f"/proc/{self.supervisor}/cgroup")).splitlines():
            beside = _CGROUPS / Path(line.split(":", 2)[2]).parent.relative_to("/") / name
            found |= {beside} if beside.is_dir() else set()
        return sorted(found)


def serves_as_root(instance: Instance) -> bool:
    """Whether cells are made by root of this machine, not by an ordinary user in a namespace of his own."""
    return "\nUid:\t0\t0\t" in proc.text(Path(f"/proc/{instance.supervisor}/status"))


def makes_device_nodes(instance: Instance) -> bool:
    """Whether its cells' devices are of its own making: by the machine's root, with the capability MKNOD."""
    whole = proc.text(Path(f"/proc/{instance.supervisor}/uid_map")).split() == ["0", "0", _ALL_UIDS]
    capabilities = int(proc.status(instance.supervisor).get("CapEff", "0"), 16)
    return whole and bool(capabilities >> _MKNOD & 1)


def find_instance(port: int) -> Instance:
    """Find who listens on ``port`` of this machine; raises ``HostError`` where that is no instance."""
    if os.geteuid() != 0:
        raise HostError("witnesses of an attack can be read by root only: run as root")
    service = _listener(port)
    parent = int(proc.stat(service)[1])
    for pid in set(proc.children(parent)) - {service}:
        for link in proc.links(pid):
            if found := _LEASE.search(link):
                first = int(found[1])
                uid = outside(pid, first)
                return Instance(parent=parent, service=service, supervisor=pid, first_uid=uid, lease=first)
    raise HostError(f"whoever listens on port {port} has no supervisor beside it: is it `cellblock serve`?")


def outside(pid: int, uid: int) -> int:
    """Return who a uid of a process's user namespace is here; whoever is mapped to nobody is himself."""
    for line in proc.text(Path(f"/proc/{pid}/uid_map")).splitlines():
        inside, above, count = map(int, line.split())
        if inside <= uid < inside + count:
            return above + uid - inside
    return uid


def _listener(port: int) -> int:
    sockets = {
        f"socket:[{fields[9]}]"
        for table in ("tcp", "tcp6")
        for fields in (line.split() for line in proc.text(Path("/proc/net", table)).splitlines()[1:])
        if int(fields[1].rpartition(":")[2], 16) == port and fields[3] == "0A"
    }
    for pid in proc.pids():
        if sockets.intersection(proc.links(pid)):
            # Where its parent holds the socket too, the child is who answers.
            below = (child for child in proc.children(pid) if sockets.intersection(proc.links(child)))
            return next(below, pid)
    raise HostError(f"nobody listens on port {port} of this machine: start `cellblock serve`")
