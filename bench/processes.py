"""The processes of the service under measurement: what they are for, how much memory is theirs, their CPU."""

from __future__ import annotations

import contextlib
import os
import shlex
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from yardsticks import BenchError

_PROC = Path("/proc")
_CGROUPS = Path("/sys/fs/cgroup")
_V1_CONTROLLERS = ("cpuacct", "memory", "pids", "cpu")


class Process(NamedTuple):
    """One process, as its files in ``/proc`` show it."""

    pid: int
    parent: int
    executable: str
    arguments: tuple[str, ...]
    depth: int
    """In how many pid namespaces it is."""
    pss_bytes: int
    cpu_s: float
    """What it and the children that it waited for have used."""


def descendants(root: int) -> list[Process]:
    """Return the process and all below it, parents first."""
    children: dict[int, list[int]] = defaultdict(list)
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                children[_status(entry, "PPid")[0]].append(int(entry.name))
    found, open_ends = [], [root]
    while open_ends:
        pid = open_ends.pop(0)
        with contextlib.suppress(OSError):
            found.append(_look_at(pid))
        open_ends += children[pid]
    return found


def roles(processes: Sequence[Process]) -> dict[str, list[Process]]:
    """Sort a service's processes by what they are for; the first is its parent.

    What is in a pid namespace of its own is a cell's, unless it has such children itself; cells go by the
    program that is in them besides init.
    """
    root = processes[0]
    found: dict[str, list[Process]] = defaultdict(list)
    by_pid = {process.pid: process for process in processes}
    makers = {
        process.parent
        for process in processes
        if process.parent in by_pid and process.depth > by_pid[process.parent].depth
    }
    for process in processes:
        if process is root:
            role = "parent"
        elif process.depth > root.depth and process.pid not in makers:
            role = f"cell: {_program_of(process, by_pid)}"
        elif "cellblock.app.service" in process.arguments:
            role = "service"
        elif "cellblock.supervisor" in process.arguments:
            role = "supervisor"
        elif process.executable == "cellblock-cell":
            role = "spawner"
        else:
            role = f"zygote: {process.executable}"
        found[role].append(process)
    return found


def cells(processes: Sequence[Process]) -> int:
    """Return how many cells the processes of a role are: how many of them are the first of one."""
    pids = {process.pid for process in processes}
    return sum(process.parent not in pids for process in processes)


def _program_of(process: Process, by_pid: dict[int, Process]) -> str:
    """Return the executable of the cell's program, or of its init where there is none yet."""
    init = process
    while (parent := by_pid.get(init.parent)) is not None and parent.depth == process.depth:
        init = parent
    inside = [other.executable for other in by_pid.values() if other.parent == init.pid]
    return inside[0] if inside else init.executable


def _look_at(pid: int) -> Process:
    directory = _PROC / str(pid)
    command = (directory / "cmdline").read_bytes().split(b"\0")
    stat = (directory / "stat").read_text("utf-8", errors="replace")
    rollup = (directory / "smaps_rollup").read_text("ascii")
    pss_kib = next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    return Process(
        pid=pid,
        parent=_status(directory, "PPid")[0],
        executable=(directory / "exe").readlink().name,
        arguments=tuple(argument.decode(errors="replace") for argument in command),
        depth=len(_status(directory, "NSpid")),
        pss_bytes=pss_kib * 1024,
        cpu_s=sum(map(int, stat.rpartition(")")[2].split()[11:15])) / os.sysconf("SC_CLK_TCK"),
    )


def _status(directory: Path, field: str) -> list[int]:
    text = (directory / "status").read_text("utf-8", errors="replace")
    return next(
        [int(word) for word in line.split()[1:]] for line in text.splitlines() if line.startswith(f"{field}:")
    )


class CpuAccount:
    """A cgroup for the whole service, cells included: its counter misses nobody who came and went.

    Adding up ``/proc`` would: nobody waits for a cell's init, so its time ends up in no parent's.
    """

    def __init__(self, name: str) -> None:
        """Make the groups in whatever hierarchies there are; they go by ``name``."""
        self._v2 = (_CGROUPS / "cgroup.controllers").exists()
        tops = [_CGROUPS] if self._v2 else [_CGROUPS / controller for controller in _V1_CONTROLLERS]
        if not all(top.is_dir() for top in tops):
            raise BenchError(f"no cgroup hierarchy with CPU accounting below {_CGROUPS}")
        # Hierarchies that share a directory by a link are one.
        self._groups = [top.resolve() / name for top in tops]
        for group in dict.fromkeys(self._groups):
            group.mkdir()
        if self._v2:
            for group in (_CGROUPS, self._groups[0]):
                (group / "cgroup.subtree_control").write_text("+cpu +memory +pids", "ascii")
            (self._groups[0] / "service").mkdir()
        self.flags = ("--cgroup-root", f"/{name}")
        """What the service needs to make its cells' groups inside."""

    def command(self, command: Sequence[str]) -> list[str]:
        """Return what starts the command inside."""
        joined = self._groups[0] / "service" if self._v2 else self._groups[0]
        script = f'echo $$ > {shlex.quote(str(joined / "cgroup.procs"))} && exec "$@"'
        return ["/bin/sh", "-c", script, "sh", *command]

    def used_s(self) -> float:
        """Return the CPU seconds of everything that has ever run inside."""
        if self._v2:
            lines = (self._groups[0] / "cpu.stat").read_text("ascii").splitlines()
            return next(int(line.split()[1]) / 1e6 for line in lines if line.startswith("usage_usec"))
        return int((self._groups[0] / "cpuacct.usage").read_text("ascii")) / 1e9

    def remove(self) -> None:
        """Remove the groups, which must be empty of processes."""
        for group in dict.fromkeys(self._groups):
            for directory in (*_below(group), group):
                directory.rmdir()


def _below(group: Path) -> Iterator[Path]:
    for directory, names, _ in os.walk(group, topdown=False):
        yield from (Path(directory, name) for name in names)
