"""cgroup v2: one group a run, the program born in it.

Where the service's own cgroup was delegated to it (systemd's ``Delegate=``, or the root of a
container's cgroup namespace), the subtree is made there and our own processes move to a leaf
first, because a group with processes cannot hand controllers down. Else it stands at the top.
"""

from __future__ import annotations

import errno
import os
import time
from contextlib import ExitStack, suppress
from pathlib import Path

from cellblock.errors import SandboxError
from cellblock.sandbox.cgroups import (
    OWN_LEAF,
    SUBTREE_NAME,
    CellCgroup,
    Counters,
    Mount,
    make_directory,
    neighbours,
    own_groups,
    read_number,
    sweep,
    sweep_dead,
    write_control,
)
from cellblock.sandbox.user_namespace import read_id_map

_REQUIRED = ("memory", "pids")  # CPU time is counted for every group, without a controller
_OPTIONAL = ("cpu",)
"""With it every cell gets the same share of the CPU, however many processes it has."""

_WEIGHT_OF_RUNS, _WEIGHT_OF_BOOTS = "100", "12"

_DELEGATION_MARKS = ("user.delegate", "trusted.delegate")
_HANDED_OVER = ("cgroup.procs", "cgroup.subtree_control")
_EMPTYING_S = 1.0
"""How long a group may take to be empty."""


class CellCgroupV2:
    """One run's group."""

    born_inside = True

    def __init__(self, directory: Path) -> None:
        """Open the freshly made group."""
        self._directory = directory
        self.join_fds = [os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)]

    def memory_limit_bytes(self) -> int | None:
        """Read the limit back."""
        return self._read_if_there("memory.max")

    def process_limit(self) -> int | None:
        """Read the limit back."""
        return self._read_if_there("pids.max")

    def _read_if_there(self, name: str, key: str | None = None) -> int | None:
        try:
            return read_number(self._directory, name, key)
        except FileNotFoundError:
            return None  # without the controller there is no limit

    def holds(self, membership: str) -> bool:
        """Say whether the process is in the group."""
        return any(
            line.startswith("0::") and line.endswith("/" + self._directory.name)
            for line in membership.splitlines()
        )

    def cpu_usage_usec(self) -> int | None:
        """Read usage_usec of cpu.stat, which every group has, with or without the cpu controller."""
        return read_number(self._directory, "cpu.stat", "usage_usec")

    def socket_bytes(self) -> int | None:
        """Read sock of memory.stat: charged to the group, with no limit below that of all its memory."""
        return self._read_if_there("memory.stat", "sock")

    def yield_cpu(self, *, to_runs: bool) -> None:
        """Write cpu.weight."""
        if (self._directory / "cpu.weight").exists():
            write_control(self._directory, "cpu.weight", _WEIGHT_OF_BOOTS if to_runs else _WEIGHT_OF_RUNS)

    def process_ids(self) -> list[int]:
        """List what is inside."""
        return [int(pid) for pid in (self._directory / "cgroup.procs").read_text(encoding="ascii").split()]

    def kill(self) -> None:
        """Kill everything inside at once; kernels before 5.14 lack the file, and init's end does it there."""
        if (self._directory / "cgroup.kill").exists():
            write_control(self._directory, "cgroup.kill", "1")

    def counters(self) -> Counters:
        """Read everything once."""
        errors: list[str] = []

        def read(file: str, key: str | None = None) -> int | None:
            try:
                return read_number(self._directory, file, key)
            except (OSError, ValueError) as error:
                errors.append(f"{file}: {error}")
                return None

        oom_events, oom_kill_events = (read("memory.events", key) for key in ("oom", "oom_kill"))
        # Since 6.12 pids.events counts for the whole subtree; for a leaf that is the same.
        return Counters(
            cpu_usage_usec=read("cpu.stat", "usage_usec"),
            memory_peak_bytes=read("memory.peak"),
            oom_events=oom_events,
            oom_kill_events=oom_kill_events,
            # The kernel counts ``oom`` where the limit is, ``oom_kill`` where the victim was.
            memory_limit_met=bool(oom_events) if oom_kill_events and oom_events is not None else None,
            pids_limit_events=read("pids.events", "max"),
            process_count=read("pids.current"),
            errors=tuple(errors),
        )

    def remove(self) -> bool:
        """Remove the group; may be called again."""
        for fd in self.join_fds:
            os.close(fd)
        self.join_fds = []
        try:
            self._directory.rmdir()
        except FileNotFoundError:
            return True
        except OSError:
            return False
        return True


class CgroupTreeV2:
    """This instance's group, with the controllers handed down to the cells in it."""

    backend = "cgroup_v2"

    def __init__(self, mount: Mount, instance: str, leases: Path, parent: str | None = None) -> None:
        """Make the subtree (below ``parent``, if named); what cannot be had is in ``missing``.

        ``leases`` is the directory by which dead instances are told.
        """
        self.missing: dict[str, str] = {}
        base, delegated = _find_base(mount)
        if parent is not None:
            base, delegated = Path(mount.mount_point) / parent.strip("/"), False
        tree = base / SUBTREE_NAME / instance
        self.paths = [tree]
        self.bases = dict.fromkeys(_REQUIRED, base)
        try:
            sweep(tree)
            if delegated:
                sweep_dead(self, leases)  # what they still hand down cannot be taken back above them
                _move_to_leaf(base)
            tree.parent.mkdir(exist_ok=True)
            tree.mkdir()
        except (OSError, SandboxError) as error:
            self.missing = dict.fromkeys(_REQUIRED, f"cannot make {tree}: {error}")
            return
        for controller in _REQUIRED + _OPTIONAL:
            try:
                _hand_down(base, controller, is_ours=delegated)
                for directory in (tree.parent, tree):
                    write_control(directory, "cgroup.subtree_control", f"+{controller}")
            except SandboxError as error:
                if controller in _REQUIRED:
                    self.missing[controller] = str(error)

    def create_cell(
        self,
        name: str,
        memory_bytes: int,
        processes: int,
        *,
        sockets: bool,  # noqa: ARG002  # counted anyway
    ) -> CellCgroup:
        """Make and limit one group; a half-made group is removed again."""
        directory = self.paths[0] / name
        make_directory(directory)
        with ExitStack() as undo:
            undo.callback(directory.rmdir)
            if "memory" not in self.missing:
                write_control(directory, "memory.max", str(memory_bytes))
                write_control(directory, "memory.oom.group", "1")
                if (directory / "memory.swap.max").exists():  # absent where the kernel counts no swap
                    write_control(directory, "memory.swap.max", "0")
            if "pids" not in self.missing:
                write_control(directory, "pids.max", str(processes))
            try:
                cell = CellCgroupV2(directory)
            except OSError as error:
                raise SandboxError("cgroup_open", error.errno or 0, str(error.filename)) from error
            undo.pop_all()
        return cell

    def others(self) -> set[str]:
        """Name the other instances that have a subtree here."""
        return neighbours(self.paths[0])

    def sweep_other(self, name: str) -> None:
        """Remove what a dead instance left."""
        sweep(self.paths[0].parent / name)

    def remove(self) -> None:
        """Remove the subtree; ``cellblock`` itself goes when no other instance is in it."""
        sweep(self.paths[0])
        try:
            self.paths[0].parent.rmdir()
        except OSError:
            return  # another instance lives there


def _find_base(mount: Mount) -> tuple[Path, bool]:
    """Return where the subtree goes, and whether that is a group delegated to us."""
    top = Path(mount.mount_point)
    own = own_groups().get("", "/")
    if own.startswith("/.."):  # outside of our cgroup namespace: not ours to use
        return top, False
    relative = own.removeprefix(mount.root) if mount.root != "/" else own
    group = top / relative.strip("/")
    while group.name == OWN_LEAF:  # a restarted supervisor stands where its predecessor had moved
        group = group.parent
    if group == top:
        # The real root has no cgroup.events; one that has is a container's.
        return top, (top / "cgroup.events").exists()
    return (group, True) if _is_delegated(group) else (top, False)


def _is_delegated(group: Path) -> bool:
    if not read_id_map().is_whole:  # what was handed to an ordinary user is his to write, and nothing else is
        return all(os.access(path, os.W_OK) for path in (group, *(group / name for name in _HANDED_OVER)))
    for mark in _DELEGATION_MARKS:
        try:
            if os.getxattr(group, mark) == b"1":
                return True
        except OSError:
            continue
    return False


def _hand_down(base: Path, controller: str, *, is_ours: bool) -> None:
    """Enable a controller for the groups below; moves a process that has come since the group was emptied."""
    deadline_s = time.monotonic() + _EMPTYING_S
    while True:
        try:
            write_control(base, "cgroup.subtree_control", f"+{controller}")
        except SandboxError as error:
            if not is_ours or error.errno != errno.EBUSY or time.monotonic() > deadline_s:
                raise
            _move_to_leaf(base)
            time.sleep(0.001)
        else:
            return


def _move_to_leaf(base: Path) -> None:
    """Empty the delegated group: every process in it is ours, and goes to a leaf.

    Some start others or end meanwhile, so it is looked into until it is empty. Where it is not in time, the
    kernel says so when a controller is handed down.
    """
    leaf = base / OWN_LEAF
    leaf.mkdir(exist_ok=True)
    deadline_s = time.monotonic() + _EMPTYING_S
    while (members := _members(base)) and time.monotonic() < deadline_s:
        for pid in members:
            _move(pid, base, leaf)
        time.sleep(0.001)


def _members(group: Path) -> list[str]:
    """List the processes of a group; those in no pid namespace of ours are told as 0, not ours to move."""
    return [pid for pid in (group / "cgroup.procs").read_text(encoding="ascii").split() if pid != "0"]


def _move(pid: str, base: Path, leaf: Path) -> None:
    """Move one process, or else what keeps it from being moved out of the way."""
    try:
        write_control(leaf, "cgroup.procs", pid)
    except SandboxError as error:
        if error.errno == errno.ESRCH:  # it has ended
            return
        if error.errno != errno.EOPNOTSUPP:
            raise
        # One before us found no memory controller, and handed down what threads can have, too. That let a
        # process into this group again, and then none can be in a group below it: nobody has these now.
        with suppress(OSError):  # an instance lives there, which does have them
            (base / SUBTREE_NAME).rmdir()
        for controller in (base / "cgroup.subtree_control").read_text(encoding="ascii").split():
            write_control(base, "cgroup.subtree_control", f"-{controller}")
