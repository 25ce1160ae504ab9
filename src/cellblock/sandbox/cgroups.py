"""One interface over cgroup v1 and v2: a cell's limits, its counters, its end.

A ``CgroupTree`` is this instance's own subtree; a ``CellCgroup`` is one run's group in it.
Nothing outside the subtree is written, and no hierarchy is mounted or unmounted.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from cellblock.errors import SandboxError
from cellblock.sandbox.kernel_files import read_kernel_file, write_kernel_file
from cellblock.sandbox.leases import lease_of_the_dead

SUBTREE_NAME = "cellblock"
OWN_LEAF = "cellblock-service"
"""On v2 our own processes' group, beside the cells': a group with processes hands no controller down."""


class Mount(Struct, frozen=True):
    """One line of ``/proc/self/mountinfo``, as far as cgroups need it."""

    root: str
    """The directory of the file system that is mounted here."""
    mount_point: str
    filesystem: str
    options: frozenset[str]
    """Of the superblock: on v1 the controllers."""


class Counters(Struct, frozen=True, kw_only=True):
    """What the kernel counted for one run; ``None`` where it has no such counter or it could not be read."""

    cpu_usage_usec: int | None
    memory_peak_bytes: int | None
    oom_events: int | None
    oom_kill_events: int | None
    memory_limit_met: bool | None
    """Known where something was killed for memory: if not, it was for the memory of others."""
    pids_limit_events: int | None
    process_count: int | None
    errors: tuple[str, ...] = ()


class CellCgroup(Protocol):
    """One run's group."""

    born_inside: bool
    """True on v2: the program is cloned into ``join_fds[0]``; on v1 it writes itself into each."""
    join_fds: list[int]

    def memory_limit_bytes(self) -> int | None:
        """Read the limit back; ``None`` where none is in force."""

    def process_limit(self) -> int | None:
        """Read the limit back; ``None`` where none is in force."""

    def holds(self, membership: str) -> bool:
        """Say whether a process with this ``/proc/<pid>/cgroup`` is in the group, in every hierarchy."""

    def cpu_usage_usec(self) -> int | None:
        """Read CPU time used so far, in microseconds."""

    def socket_bytes(self) -> int | None:
        """Read what waits in TCP and UDP sockets; ``None`` where the kernel limits that, or counts it not."""

    def yield_cpu(self, *, to_runs: bool) -> None:
        """Have a small share of a busy CPU, or again that of every run; no-op where there are no shares."""

    def process_ids(self) -> list[int]:
        """List the processes inside, zombies left out."""

    def kill(self) -> None:
        """Send SIGKILL to everything inside, where the kernel offers that; else do nothing."""

    def counters(self) -> Counters:
        """Read everything once."""

    def remove(self) -> bool:
        """Close the descriptors and remove the group; ``False`` while something is still inside."""


class CgroupTree(Protocol):
    """This instance's subtree."""

    backend: str
    """``cgroup_v1`` or ``cgroup_v2``."""
    missing: dict[str, str]
    """Controllers that are needed and cannot be had, with the reason; empty is well."""
    paths: list[Path]
    """The subtree's directories: one on v2, one a hierarchy on v1."""
    bases: dict[str, Path]
    """The group that the subtree is made in, by controller: of v1's, those that are mounted."""

    def create_cell(self, name: str, memory_bytes: int, processes: int, *, sockets: bool) -> CellCgroup:
        """Make a group with its limits; raises ``SandboxError`` naming what the kernel refused.

        ``sockets`` where it will have a network, if only with itself: what waits in TCP and UDP is limited,
        or counted.
        """

    def others(self) -> set[str]:
        """Name the other instances that have a subtree beside this one, dead or alive."""

    def sweep_other(self, name: str) -> None:
        """Remove what an instance left; for one that is known to be dead."""

    def remove(self) -> None:
        """Remove the subtree, killing what is left in it."""


def read_mounts() -> list[Mount]:
    """Read this process's cgroup mounts, those that something else is mounted over left out."""
    mounts: list[Mount] = []
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        left, right = line.split(" - ", 1)
        _, _, device, root, mount_point, *_ = left.split(" ")
        filesystem, _, options = right.split(" ", 2)
        if filesystem in {"cgroup", "cgroup2"} and _leads_to(mount_point, device):
            # Of one hierarchy mounted twice at a path, the last is what is seen.
            mounts = [mount for mount in mounts if mount.mount_point != mount_point]
            mounts.append(Mount(root, mount_point, filesystem, frozenset(options.split(","))))
    return mounts


def _leads_to(mount_point: str, device: str) -> bool:
    """Say whether the path is seen as this device; below another mount, groups would be mere directories."""
    try:
        number = Path(mount_point).stat().st_dev
    except OSError:
        return False
    return device == f"{os.major(number)}:{os.minor(number)}"


def own_groups() -> dict[str, str]:
    """Map each v1 controller, and ``""`` for v2, to this process's cgroup path."""
    groups = {}
    for line in Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            groups[controller] = path
    return groups


def write_control(directory: Path | str, name: str, value: str) -> None:
    """Write one control file; raises ``SandboxError`` with file and errno."""
    try:
        write_kernel_file(f"{directory}/{name}", value)
    except OSError as error:
        raise SandboxError("cgroup_limit", error.errno or 0, f"{directory}/{name} = {value}") from error


def read_number(directory: Path | str, name: str, key: str | None = None) -> int | None:
    """Read a number from a control file, or the one behind ``key``; ``None`` for ``max`` or a missing key."""
    text = read_kernel_file(f"{directory}/{name}")
    if key is not None:
        fields = dict(line.split(" ", 1) for line in text.splitlines())
        text = fields.get(key, "max")
    text = text.strip()
    return None if text == "max" else int(text)


def make_directory(path: Path | str) -> None:
    """Make a group that must be new; raises ``SandboxError``."""
    try:
        os.mkdir(path)  # noqa: PTH102  # often done
    except OSError as error:
        raise SandboxError("cgroup_create", error.errno or 0, str(path)) from error


def neighbours(tree: Path) -> set[str]:
    """Name the directories beside an instance's own; none where not even the common one could be made."""
    if not tree.parent.is_dir():
        return set()
    return {entry.name for entry in tree.parent.iterdir() if entry.is_dir() and entry != tree}


def sweep(directory: Path) -> None:
    """Kill everything below a dead instance's group and remove it, deepest first.

    Raises ``SandboxError`` where something will not go.
    """
    for path, _, _ in os.walk(directory, topdown=False):
        _empty_and_remove(Path(path))


def sweep_dead(tree: CgroupTree, leases: Path) -> None:
    """Remove what instances beside this one left that are dead by their leases."""
    for other in tree.others():
        with lease_of_the_dead(other, leases) as is_dead:
            if is_dead:
                tree.sweep_other(other)


def _empty_and_remove(path: Path) -> None:
    deadline = time.monotonic() + 5
    while True:
        try:
            path.rmdir()
        except FileNotFoundError:
            return
        except OSError as error:
            if isinstance(error, PermissionError) or time.monotonic() > deadline:  # another user's stays
                raise SandboxError("cgroup_sweep", error.errno or 0, str(path)) from error
        else:
            return
        _kill_members(path)
        time.sleep(0.005)


def _kill_members(group: Path) -> None:
    """Kill what is in a group, and nothing that has meanwhile got the number of what was.

    Members that are in no pid namespace of ours are listed as 0, and are not ours to kill.
    """
    procs = group / "cgroup.procs"
    for pid in procs.read_text(encoding="ascii").split():
        if pid == "0":
            continue
        try:
            pidfd = os.pidfd_open(int(pid))
        except ProcessLookupError:
            continue
        try:
            # Whoever has the number and is listed now, after we took hold of it, is a member.
            if pid in procs.read_text(encoding="ascii").split():
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        except ProcessLookupError:
            continue
        finally:
            os.close(pidfd)
