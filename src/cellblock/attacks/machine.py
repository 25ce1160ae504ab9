"""The machine and the instance under attack, counted before and after."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import time
from collections import Counter
from pathlib import Path

from cellblock.attacks import proc, standing
from cellblock.attacks.instance import Instance
from cellblock.attacks.network_namespaces import NetworkNamespaces
from cellblock.attacks.standing import Standing

_CLOCK_STEP_S = 0.5
_SETTINGS = (
    "kernel/hostname", "kernel/domainname", "kernel/core_pattern", "kernel/modprobe",
    "kernel/randomize_va_space", "kernel/sysrq", "kernel/panic", "net/ipv4/ip_forward",
    "vm/overcommit_memory", "fs/suid_dumpable",
)  # fmt: skip
_FILES = (
    "/etc/passwd", "/etc/group", "/etc/shadow", "/etc/hosts", "/etc/ld.so.cache", "/etc/ld.so.preload",
    "/sys/kernel/uevent_helper",
)  # fmt: skip
_OF_A_CELL = {"socket": 1, "pipe": 3, "[pidfd]": 2, "seccomp notify": 1}
"""What a supervisor holds of a cell that waits: control socket, streams, init and program, the listener."""
_OF_A_ZYGOTE = {"socket": 1, "pipe": 1, "[pidfd]": 1}
_COMMON_PLACES = ("/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue", "/run/lock", "/run")  # noqa: S108  # looked at only


def health(instance: Instance) -> dict[str, object]:
    """Say what no attack may change, whatever it does: our processes and the machine's settings."""
    return {
        **{
            f"the {name} (process {pid})": proc.started(pid)
            for name, pid in (("service", instance.service), ("supervisor", instance.supervisor))
        },
        **{
            f"memory's end of the {name}": proc.text(Path(f"/proc/{pid}/oom_score_adj")).strip()
            for name, pid in (("service", instance.service), ("supervisor", instance.supervisor))
        },
        **{f"/proc/sys/{name}": proc.text(Path("/proc/sys", name)) for name in _SETTINGS},
        **{path: hashlib.sha256(proc.text(Path(path)).encode()).hexdigest()[:16] for path in _FILES},
        "host name": socket.gethostname(),
        "swaps": proc.text(Path("/proc/swaps")).count("\n"),
        "binary formats": proc.names(Path("/proc/sys/fs/binfmt_misc")),
    }


def clock_offset_s() -> float:
    """Return how far the wall clock is from the clock that nobody can set, in s."""
    return time.time() - time.monotonic()


def clock_was_set(before_s: float) -> bool:
    """Whether somebody set the clock since."""
    return abs(clock_offset_s() - before_s) > _CLOCK_STEP_S


def leftovers(instance: Instance) -> dict[str, int]:
    """Count what ended runs must not leave: groups, and what belongs to the cells' users.

    Cells that wait for their first job are no leftovers; ``standing`` says how they are known.
    """
    there = standing.look(instance)
    waiting = {pid for cell in there.waiting for pid in (cell.init, cell.program)}
    living = {pid for pid in proc.pids() if _lives_under(pid, instance.uids)} - waiting
    return {
        "processes": len(living | set(there.strays)),
        "cgroups": len(there.stray_groups),
        "replaced zygotes": len(there.replaced),
        "IPC objects": sum(_ipc_owned(instance.uids)),
        "files": sum(_owned(Path(place), instance.uids) for place in _COMMON_PLACES),
        "keys": sum(
            int(line.split(":")[0]) in instance.uids
            for line in proc.text(Path("/proc/key-users")).splitlines()
        ),
    }


def growth(instance: Instance) -> dict[str, int]:
    """Count what grows where something leaks: descriptors and mounts of the privileged processes.

    Network namespaces that nobody is in are the whole machine's; the kernel keeps one while a socket is left.
    What the supervisor holds of cells that wait, and of zygotes, is theirs and not counted.
    """
    return standing.counted_at_rest(instance, lambda there: _growth(instance, there))


def _growth(instance: Instance, there: Standing) -> dict[str, int]:
    spawned = [*there.spawners, *(zygote.pid for zygote in there.zygotes)]
    counts = {f"{kind} of the supervisor": n for kind, n in _own_descriptors(instance, there).items()}
    return {
        **counts,
        "mounts of the supervisor": _mounts(instance.supervisor),
        "network namespaces that nobody is in": NetworkNamespaces(instance.parent).abandoned(),
        "spawners": len(there.spawners),
        "descriptors of spawners": sum(len(proc.links(pid)) for pid in there.spawners),
        "mounts of spawners": sum(_mounts(pid) for pid in there.spawners),
        "descriptors of a zygote": max((len(proc.links(zygote.pid)) for zygote in there.zygotes), default=0),
        "children of spawners and zygotes that are no cells": sum(
            pid in there.strays for parent in spawned for pid in proc.children(parent)
        ),
        "zygotes beyond those that may live": max(0, _unused(there) - standing.ZYGOTES_MAX),
    }


def _unused(there: Standing) -> int:
    """Count the zygotes that are kept though no cell lives on them."""
    return sum(not proc.children(zygote.pid) for zygote in there.zygotes)


def _own_descriptors(instance: Instance, there: Standing) -> dict[str, int]:
    """Count the supervisor's descriptors by kind, without what it holds of that which stands by."""
    waiting = {cell.name for cell in there.waiting}
    held: Counter[str] = Counter()
    for link in proc.links(instance.supervisor):
        kind, _, about = link.partition(":")
        if waiting.intersection(Path(link).parts):
            continue  # a waiting cell's group, or a control file of it
        held[about if kind == "anon_inode" else kind if about else "files"] += 1
    theirs: Counter[str] = Counter()
    for kind, count in _OF_A_CELL.items():
        theirs[kind] += count * len(there.waiting)
    for kind, count in _OF_A_ZYGOTE.items():
        theirs[kind] += count * len(there.zygotes)
    theirs["files"] += sum(cell.writes_out for cell in there.waiting)
    return {kind: max(0, count - theirs[kind]) for kind, count in held.items()}


def _mounts(pid: int) -> int:
    return proc.text(Path(f"/proc/{pid}/mountinfo")).count("\n")


def _lives_under(pid: int, uids: range) -> bool:
    """Whether a process has one of the users; a zombie that waits for the machine's init no longer lives."""
    try:
        return Path(f"/proc/{pid}").stat().st_uid in uids and bool(proc.started(pid))
    except OSError:
        return False


def _ipc_owned(uids: range) -> list[bool]:
    owned = []
    for kind in ("shm", "msg", "sem"):
        lines = [line.split() for line in proc.text(Path("/proc/sysvipc", kind)).splitlines()]
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
