"""cgroup v1: one group in each of the memory, pids, cpuacct and cpu hierarchies.

The subtree stands at the top of each hierarchy, never inside a group that is somebody else's.
v1 has no kill for a group: ending the cell's init ends everything, and that is how it is done.

To join a group takes a lock that the kernel has everybody take lightly, at the price of waiting for an RCU
grace period (6 to 16 ms, whoever makes or removes a group meanwhile waits too) each time that it is wanted
whole. A hierarchy of our own, without controllers and mounted nowhere, asks the kernel for the other
bargain (``favordynmods``, Linux 6.0) for as long as the supervisor lives.
"""

from __future__ import annotations

import logging
import os
from contextlib import ExitStack
from pathlib import Path

from cellblock.errors import SandboxError
from cellblock.sandbox.cgroups import (
    SUBTREE_NAME,
    CellCgroup,
    Counters,
    Mount,
    make_directory,
    neighbours,
    read_number,
    sweep,
    write_control,
)
from cellblock.sandbox.detached import mount_detached
from cellblock.sandbox.kernel_files import read_kernel_file

log = logging.getLogger(__name__)

MEMORY, PIDS, CPU, SHARES = "memory", "pids", "cpuacct", "cpu"
_REQUIRED = (MEMORY, PIDS, CPU)
_OPTIONAL = (SHARES,)
"""Where it is there, every cell gets the same share of the CPU, however many processes it has."""

_PEAKS = ("memory.max_usage_in_bytes", "memory.memsw.max_usage_in_bytes")
_MOST_AT_ONCE_BYTES = 256 << 10
"""What the kernel asks for at once and does not do without: a limit is met this far below it."""
_UNLIMITED_FROM = 1 << 60
_SOCKETS_BYTES = 16 << 20
"""Of what waits in TCP and UDP, beside the memory limit: without one of its own it is charged to nobody."""
_SHARE_OF_RUNS, _SHARE_OF_BOOTS = "1024", "128"


class CellCgroupV1:
    """One run's three groups."""

    born_inside = False

    def __init__(self, directories: dict[str, str], name: str) -> None:
        """Open the freshly made groups; ``directories`` by controller."""
        self._directories = directories
        self._name = name
        self.join_fds: list[int] = []
        self._cpu_fd = -1
        with ExitStack() as undo:
            undo.callback(self._close)
            # A set: two controllers may share a hierarchy, and then a group.
            for path in set(directories.values()):
                self.join_fds.append(os.open(f"{path}/cgroup.procs", os.O_WRONLY | os.O_CLOEXEC))
            if CPU in directories:
                self._cpu_fd = os.open(f"{directories[CPU]}/cpuacct.usage", os.O_RDONLY | os.O_CLOEXEC)
            undo.pop_all()

    def memory_limit_bytes(self) -> int | None:
        """Read the limit back."""
        if MEMORY not in self._directories:
            return None
        limit = read_number(self._directories[MEMORY], "memory.limit_in_bytes")
        return None if limit is None or limit >= _UNLIMITED_FROM else limit

    def process_limit(self) -> int | None:
        """Read the limit back."""
        return read_number(self._directories[PIDS], "pids.max") if PIDS in self._directories else None

    def holds(self, membership: str) -> bool:
        """Say whether the process is in every one of the groups."""
        inside = {
            controller
            for line in membership.splitlines()
            for controller in line.split(":", 2)[1].split(",")
            if line.endswith("/" + self._name)
        }
        return inside.issuperset(self._directories)

    def cpu_usage_usec(self) -> int | None:
        """Read cpuacct.usage, which counts nanoseconds."""
        return int(os.pread(self._cpu_fd, 32, 0)) // 1000 if self._cpu_fd >= 0 else None

    def socket_bytes(self) -> int | None:
        """Return ``None``: the kernel has a limit of its own for it."""
        return None

    def yield_cpu(self, *, to_runs: bool) -> None:
        """Write cpu.shares."""
        if SHARES in self._directories:
            share = _SHARE_OF_BOOTS if to_runs else _SHARE_OF_RUNS
            write_control(self._directories[SHARES], "cpu.shares", share)

    def process_ids(self) -> list[int]:
        """List what is inside."""
        for path in self._directories.values():
            return [int(pid) for pid in read_kernel_file(f"{path}/cgroup.procs").split()]
        return []

    def kill(self) -> None:
        """Do nothing: v1 has no such control."""

    def counters(self) -> Counters:
        """Read everything once; v1 counts OOM kills but not OOM events."""
        errors: list[str] = []

        def read(controller: str, file: str, key: str | None = None) -> int | None:
            if controller not in self._directories:
                return None
            try:
                return read_number(self._directories[controller], file, key)
            except (OSError, ValueError) as error:
                errors.append(f"{controller}/{file}: {error}")
                return None

        def met_limit() -> bool | None:
            # The counters of failures stay at 0 where memory and swap together have the same limit.
            limit_bytes = read(MEMORY, "memory.limit_in_bytes")
            if limit_bytes is None or limit_bytes >= _UNLIMITED_FROM:
                return None
            files = (file for file in _PEAKS if Path(self._directories[MEMORY], file).exists())
            peak_bytes = max(read(MEMORY, file) or 0 for file in files)
            return peak_bytes >= limit_bytes - max(limit_bytes // 100, _MOST_AT_ONCE_BYTES)

        cpu_usage_ns = read(CPU, "cpuacct.usage")
        oom_kill_events = read(MEMORY, "memory.oom_control", "oom_kill")
        return Counters(
            cpu_usage_usec=None if cpu_usage_ns is None else cpu_usage_ns // 1000,
            memory_peak_bytes=read(MEMORY, "memory.max_usage_in_bytes"),
            oom_events=None,
            oom_kill_events=oom_kill_events,
            memory_limit_met=met_limit() if oom_kill_events else None,
            pids_limit_events=read(PIDS, "pids.events", "max"),
            process_count=read(PIDS, "pids.current"),
            errors=tuple(errors),
        )

    def remove(self) -> bool:
        """Remove the groups; may be called again."""
        self._close()
        for controller, path in list(self._directories.items()):
            try:
                os.rmdir(path)  # noqa: PTH106  # often done
            except FileNotFoundError:
                pass
            except OSError:
                return False
            del self._directories[controller]
        return True

    def _close(self) -> None:
        for fd in [*self.join_fds, self._cpu_fd]:
            if fd >= 0:
                os.close(fd)
        self.join_fds, self._cpu_fd = [], -1


class CgroupTreeV1:
    """``/cellblock/<instance>`` in each hierarchy."""

    backend = "cgroup_v1"

    def __init__(self, mounts: list[Mount], instance: str, parent: str = "/") -> None:
        """Make the subtree below ``parent`` where it can be made; what cannot is in ``missing``."""
        self.missing: dict[str, str] = {}
        self.bases: dict[str, Path] = {}
        self._trees: dict[str, Path] = {}
        for controller in _REQUIRED + _OPTIONAL:
            mount = next((m for m in mounts if m.filesystem == "cgroup" and controller in m.options), None)
            if mount is None:
                self.missing[controller] = (
                    f"no cgroup v1 hierarchy with the {controller} controller is mounted"
                )
                continue
            self.bases[controller] = Path(mount.mount_point) / parent.strip("/")
            tree = self.bases[controller] / SUBTREE_NAME / instance
            try:
                if tree not in self._trees.values():  # two controllers may share a hierarchy
                    sweep(tree)
                    tree.parent.mkdir(exist_ok=True)
                    tree.mkdir()
            except (OSError, SandboxError) as error:
                self.missing[controller] = f"cannot make {tree}: {error}"
                continue
            self._trees[controller] = tree
        for controller in _OPTIONAL:
            self.missing.pop(controller, None)
        self._swift_fd = _favor_changes(instance)
        self.paths = sorted(set(self._trees.values()))
        memory = self._trees.get(MEMORY)
        self._limits_swap = memory is not None and (memory / "memory.memsw.limit_in_bytes").exists()
        self._counts_sockets = memory is not None and (memory / "memory.kmem.tcp.limit_in_bytes").exists()

    def create_cell(self, name: str, memory_bytes: int, processes: int, *, sockets: bool) -> CellCgroup:
        """Make and limit one group a hierarchy; half-made groups are removed again."""
        made: dict[str, str] = {}
        with ExitStack() as undo:
            for controller, tree in self._trees.items():
                path = f"{tree}/{name}"
                if path not in made.values():
                    make_directory(path)
                    undo.callback(os.rmdir, path)
                made[controller] = path
            if MEMORY in made:
                write_control(made[MEMORY], "memory.limit_in_bytes", str(memory_bytes))
                if self._limits_swap:  # memory and swap together: with the same number, no swap
                    write_control(made[MEMORY], "memory.memsw.limit_in_bytes", str(memory_bytes))
                if sockets and self._counts_sockets:
                    most_bytes = min(memory_bytes, _SOCKETS_BYTES)
                    write_control(made[MEMORY], "memory.kmem.tcp.limit_in_bytes", str(most_bytes))
            if PIDS in made:
                write_control(made[PIDS], "pids.max", str(processes))
            try:
                cell = CellCgroupV1(made, name)
            except OSError as error:
                raise SandboxError("cgroup_open", error.errno or 0, str(error.filename)) from error
            undo.pop_all()
        return cell

    def others(self) -> set[str]:
        """Name the other instances that have a subtree here."""
        return {name for tree in self.paths for name in neighbours(tree)}

    def sweep_other(self, name: str) -> None:
        """Remove what a dead instance left."""
        for tree in self.paths:
            sweep(tree.parent / name)

    def remove(self) -> None:
        """Remove the subtree; ``/cellblock`` itself goes when no other instance is in it."""
        for tree in self.paths:
            sweep(tree)
            try:
                tree.parent.rmdir()
            except OSError:
                continue  # another instance lives there
        if self._swift_fd >= 0:
            os.close(self._swift_fd)
            self._swift_fd = -1


def _favor_changes(instance: str) -> int:
    """Have joins wait for nobody while the descriptor is open; -1 where the kernel cannot or we may not."""
    try:
        return mount_detached(
            "cgroup", {"none": None, "name": f"{SUBTREE_NAME}-{instance}", "favordynmods": None}
        )
    except OSError as error:
        log.info("cgroups are joined slowly here: %s", error)
        return -1
