"""What a service is made of, counted: whatever grows while it is used and then idle is a leak."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

from cellblock.attacks import machine
from cellblock.attacks.machine import Instance

_PATIENCE_S = 30.0
"""Network namespaces are taken apart after their last process has gone, one after the other."""
_BASELINE_S = 2.0
_EVERY_S = 0.1
_NET_SLAB = Path("/sys/kernel/slab/net_namespace")

MEMORY_BOUND_KIB = {"parent": 1024, "service": 48 * 1024, "supervisor": 32 * 1024, "spawner": 256}
"""How much more memory a process may have at the end than after the warm-up. What several answers of 10 MiB
at once made a heap of Python's grow by is not given back whole, so those come first (``soaking``)."""


def baseline(instance: Instance) -> dict[str, int]:
    """Count while nothing runs: of several counts the least, as the kernel is still tidying up."""
    deadline_s = time.monotonic() + _BASELINE_S
    least = counted(instance)
    while time.monotonic() < deadline_s:
        time.sleep(_EVERY_S)
        now = counted(instance)
        least = {name: min(count, now.get(name, count)) for name, count in least.items()}
    return least


def growth(instance: Instance, before: dict[str, int], patience_s: float = _PATIENCE_S) -> list[str]:
    """Name what there is more of than before, however long one waits.

    Each count has to come back once: others on this machine make and end network namespaces too.
    """
    deadline_s = time.monotonic() + patience_s
    least = counted(instance)
    while True:
        grown = [
            f"{name}: {before.get(name, 0)} → {n}" for name, n in least.items() if n > before.get(name, 0)
        ]
        if not grown or time.monotonic() > deadline_s:
            return grown
        time.sleep(_EVERY_S)
        now = counted(instance)
        least = {name: min(count, now.get(name, 0)) for name, count in least.items()}


def memory_growth(instance: Instance, before_kib: dict[str, int]) -> list[str]:
    """Name the processes whose resident memory grew beyond its bound."""
    return [
        f"memory of {name}: {before_kib.get(name, 0)} → {now_kib} KiB, bound +{bound_kib}"
        for name, now_kib in resident_kib(instance).items()
        for bound_kib in [MEMORY_BOUND_KIB[name.split()[0]]]
        if now_kib > before_kib.get(name, 0) + bound_kib
    ]


def resident_kib(instance: Instance) -> dict[str, int]:
    """Return the resident memory of each process of the instance."""
    return {
        name: int(line.split()[1])
        for name, pid in processes(instance).items()
        for line in machine._text(Path(f"/proc/{pid}/status")).splitlines()
        if line.startswith("VmRSS:")
    }


def counted(instance: Instance) -> dict[str, int]:
    """Count all of it once."""
    ours = processes(instance)
    counts = Counter(machine.leftovers(instance))
    counts["processes of ours"] = 1 + len(machine._descendants(instance.parent))
    counts["mounts of the machine"] = _lines("/proc/self/mountinfo")
    counts["network namespaces"] = _unseen_network_namespaces()
    counts["bytes in tmpfs"] = _tmpfs_bytes(instance)
    for name, pid in ours.items():
        counts[f"descriptors of {name}"] = _entries(f"/proc/{pid}/fd")
        counts[f"threads of {name}"] = _entries(f"/proc/{pid}/task")
        counts[f"mounts of {name}"] = _lines(f"/proc/{pid}/mountinfo")
    return dict(counts)


def processes(instance: Instance) -> dict[str, int]:
    """Return the processes that an instance consists of while nothing runs, by name."""
    # Spawners in the order in which they were started; one that was replaced changes what comes after.
    spawners = {f"spawner {n}": pid for n, pid in enumerate(sorted(machine._children(instance.supervisor)))}
    return {
        "parent": instance.parent,
        "service": instance.service,
        "supervisor": instance.supervisor,
        **spawners,
    }


def _unseen_network_namespaces() -> int:
    """Count the network namespaces that the kernel has and no process is in.

    Its own count is exact once the allocator has put back what it keeps for the next.
    """
    (_NET_SLAB / "shrink").write_text("1", encoding="ascii")
    in_kernel = int((_NET_SLAB / "objects").read_text(encoding="ascii").split()[0])
    seen = set()
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            with suppress(OSError):
                seen.add(str((process / "ns/net").readlink()))
    return in_kernel - len(seen)


def _tmpfs_bytes(instance: Instance) -> int:
    """Count what lies in tmpfs on the account of the cells or of the supervisor, memfds included."""
    groups = [path for path in machine._groups(instance) if (path / "memory.stat").exists()]
    for line in machine._text(Path(f"/proc/{instance.supervisor}/cgroup")).splitlines():
        _, controllers, path = line.split(":", 2)
        for mount in ("/sys/fs/cgroup/memory", "/sys/fs/cgroup"):
            group = Path(mount + path)
            if controllers in {"memory", ""} and (group / "memory.stat").exists():
                groups.append(group)
    assert groups, "no cgroup tells how much is in tmpfs: is there a memory controller?"
    stats = [
        dict(line.split() for line in machine._text(group / "memory.stat").splitlines()) for group in groups
    ]
    return sum(int(stat.get("total_shmem") or stat.get("shmem") or 0) for stat in stats)


def _entries(directory: str) -> int:
    with suppress(OSError):
        return len(list(Path(directory).iterdir()))
    return 0


def _lines(file: str) -> int:
    return machine._text(Path(file)).count("\n")
