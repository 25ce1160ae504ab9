"""What ``/proc`` says of processes; nothing where one is gone."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

_STEADY = ("State", "TracerPid", "Uid", "ShdPnd", "Cpus_allowed")
ASLEEP = {"State": "S (sleeping)"}
"""How a process is found that only sleeps, though not at once on a busy machine."""


def text(path: Path) -> str:
    """Return a file of the kernel's; empty where it is not there."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def names(directory: Path) -> list[str]:
    """Return what is in a directory of the kernel's; nothing where it is not there."""
    try:
        return sorted(path.name for path in directory.iterdir())
    except OSError:
        return []


def pids() -> list[int]:
    """Return every process."""
    return [int(name) for name in names(Path("/proc")) if name.isdigit()]


def stat(pid: int) -> list[str]:
    """Return the fields of ``/proc/PID/stat`` after the name."""
    return text(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()


def status(pid: int) -> dict[str, str]:
    """Return the lines of ``/proc/PID/status``."""
    lines = (line.partition(":") for line in text(Path(f"/proc/{pid}/status")).splitlines())
    return {name: value.strip() for name, _, value in lines}


def started(pid: int) -> str:
    """Return when a process was started, in clock ticks since boot; empty where it lives no longer."""
    fields = stat(pid)
    return fields[19] if fields and fields[0] != "Z" else ""


def cpu_ticks(pid: int) -> int:
    """Return the CPU time that a process has used, in clock ticks."""
    fields = stat(pid)
    return int(fields[11]) + int(fields[12]) if fields else 0


def arguments(pid: int) -> list[str]:
    """Return the command line of a process; nothing where it is gone."""
    return text(Path(f"/proc/{pid}/cmdline")).split("\0")[:-1]


def children(pid: int) -> list[int]:
    """Return the living children of a process; zombies are not among them."""
    tasks = Path(f"/proc/{pid}/task")
    below = (int(child) for task in names(tasks) for child in text(tasks / task / "children").split())
    return [child for child in below if started(child)]


def descendants(pid: int) -> list[int]:
    """Return all that is below a process, children before theirs."""
    return [each for child in children(pid) for each in (child, *descendants(child))]


def links(pid: int) -> list[str]:
    """Return what a process's descriptors are of."""
    directory = Path(f"/proc/{pid}/fd")
    found = []
    for name in names(directory):
        try:
            found.append(str((directory / name).readlink()))
        except OSError:
            continue
    return found


def steady(pid: int) -> dict[str, str]:
    """Say what of a sleeping process nobody but an attacker changes; nothing where it is gone."""
    told = status(pid)
    try:
        nice = os.getpriority(os.PRIO_PROCESS, pid)
    except OSError:
        return {}
    return {
        **{name: told.get(name, "") for name in _STEADY},
        "nice": str(nice),
        "oom_score_adj": text(Path(f"/proc/{pid}/oom_score_adj")).strip(),
        "limits": hashlib.sha256(text(Path(f"/proc/{pid}/limits")).encode()).hexdigest()[:16],
    }
