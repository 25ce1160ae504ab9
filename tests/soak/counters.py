"""What a service is made of, counted: whatever grows while it is used and then idle is a leak."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

from cellblock.attacks import machine, proc, standing
from cellblock.attacks.instance import Instance
from cellblock.attacks.network_namespaces import NetworkNamespaces
from cellblock.attacks.standing import Standing

_PATIENCE_S = 30.0
"""Network namespaces are taken apart after their last process has gone, one after the other."""
_BASELINE_S = 2.0
_EVERY_S = 0.1
_IN_TMPFS = ("/memfd:", "/box/", "/dev/shm/", "/tmp/")  # a cell's, looked at only
MEMORY_BOUND_KIB = {"parent": 1024, "service": 24 * 1024, "supervisor": 32 * 1024, "spawner": 256}
"""How much more memory a process may have at the end than after the warm-up. What several answers of 10 MiB
at once made a heap of Python's grow by is not given back whole, so those come first (``soaking``).
The supervisor's is without the compiled programs that it keeps, and without the interpreters in use that it
has locked in memory: those are the host's files."""


def baseline(instance: Instance, namespaces: NetworkNamespaces) -> dict[str, int]:
    """Count while nothing runs: of several counts the least, as the kernel is still tidying up."""
    deadline_s = time.monotonic() + _BASELINE_S
    least = counted(instance, namespaces)
    while time.monotonic() < deadline_s:
        time.sleep(_EVERY_S)
        least = _least(least, counted(instance, namespaces))
    return least


def growth(
    instance: Instance,
    namespaces: NetworkNamespaces,
    before: dict[str, int],
    patience_s: float = _PATIENCE_S,
) -> list[str]:
    """Name what there is more of than before, however long one waits; each count has to come back once."""
    deadline_s = time.monotonic() + patience_s
    least = counted(instance, namespaces)
    while True:
        grown = [
            f"{name}: {before.get(name, 0)} → {n}" for name, n in least.items() if n > before.get(name, 0)
        ]
        if not grown or time.monotonic() > deadline_s:
            return grown
        time.sleep(_EVERY_S)
        least = _least(least, counted(instance, namespaces))


def _least(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    return {name: min(count, other.get(name, 0)) for name, count in one.items()}


def memory_growth(now_kib: dict[str, int], before_kib: dict[str, int]) -> list[str]:
    """Name the processes whose resident memory grew beyond its bound."""
    return [
        f"memory of {name}: {before_kib.get(name, 0)} → {kib} KiB, bound +{bound_kib}"
        for name, kib in now_kib.items()
        for bound_kib in [MEMORY_BOUND_KIB[name.split()[0]]]
        if kib > before_kib.get(name, 0) + bound_kib
    ]


def resident_kib(instance: Instance) -> dict[str, int]:
    """Return the resident memory of each process of the instance, without files that it keeps there."""
    told = {name: proc.status(pid) for name, pid in processes(instance).items()}
    return {
        name: _kib(lines["VmRSS"]) - _kib(lines["VmLck"]) for name, lines in told.items() if "VmRSS" in lines
    }


def _kib(line: str) -> int:
    return int(line.split(maxsplit=1)[0])


def counted(instance: Instance, namespaces: NetworkNamespaces) -> dict[str, int]:
    """Count all of it once; what stands by, zygotes and cells that wait, is no leak."""
    return standing.counted_at_rest(instance, lambda there: _counted(instance, namespaces, there))


def _counted(instance: Instance, namespaces: NetworkNamespaces, there: Standing) -> dict[str, int]:
    counts = {**machine.leftovers(instance), **machine.growth(instance)}
    counts["mounts of the machine"] = _mounts("self")
    counts["network namespaces that nobody is in"] = namespaces.abandoned()
    counts["network namespaces of ours"] = len(namespaces.ours()) - len(there.waiting)
    counts["bytes in tmpfs"] = _tmpfs_bytes(instance) - _standing_tmpfs_bytes(there)
    for name, pid in processes(instance).items():
        if name != "supervisor":
            counts[f"descriptors of {name}"] = len(proc.links(pid))
        counts[f"threads of {name}"] = len(proc.names(Path(f"/proc/{pid}/task")))
        counts[f"mounts of {name}"] = _mounts(pid)
    return counts


def processes(instance: Instance) -> dict[str, int]:
    """Return the processes that an instance consists of while nothing runs, by name."""
    # Spawners in the order in which they were started; one that was replaced changes what comes after.
    spawners = {f"spawner {n}": pid for n, pid in enumerate(sorted(proc.children(instance.supervisor)))}
    return {
        "parent": instance.parent,
        "service": instance.service,
        "supervisor": instance.supervisor,
        **spawners,
    }


def _tmpfs_bytes(instance: Instance) -> int:
    """Count what lies in tmpfs on the account of cells, of the supervisor, or of what it starts."""
    groups = [path for path in instance.groups if (path / "memory.stat").exists()]
    lines = proc.text(Path(f"/proc/{instance.supervisor}/cgroup")).splitlines()
    paths = {controllers: path for _, controllers, path in (line.split(":", 2) for line in lines)}
    # Where version 1 has the memory controller, the path in version 2 is one of a group that counts nothing.
    own = f"memory{paths['memory']}" if "memory" in paths else paths.get("", "/").lstrip("/")
    if (Path("/sys/fs/cgroup", own) / "memory.stat").exists():
        groups.append(Path("/sys/fs/cgroup", own))
    assert groups, "no cgroup tells how much is in tmpfs: is there a memory controller?"
    stats = [dict(line.split() for line in proc.text(group / "memory.stat").splitlines()) for group in groups]
    return sum(int(stat.get("total_shmem") or stat.get("shmem") or 0) for stat in stats)


def _standing_tmpfs_bytes(there: Standing) -> int:
    """Count what zygotes and waiting cells have in tmpfs: what they are made from, what they have made."""
    cells = [pid for cell in there.waiting for pid in (cell.init, cell.program)]
    sizes: dict[tuple[int, int], int] = {}
    for pid in [*(zygote.pid for zygote in there.zygotes), *cells]:
        for kind in ("fd", "map_files"):
            for name in proc.names(Path(f"/proc/{pid}/{kind}")):
                with suppress(OSError):
                    path = Path(f"/proc/{pid}/{kind}/{name}")
                    if str(path.readlink()).startswith(_IN_TMPFS):
                        about = path.stat()
                        sizes[about.st_dev, about.st_ino] = about.st_blocks * 512
    return sum(sizes.values())


def _mounts(pid: int | str) -> int:
    return proc.text(Path(f"/proc/{pid}/mountinfo")).count("\n")
