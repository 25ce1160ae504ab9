"""What holds a program, read back from the kernel for this very process.

``take_snapshot`` is called while the program waits at its gate: fully confined, nothing of the
submission read. A control is named only because what the kernel says of that process shows it.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable

from msgspec import Struct

from cellblock.model import Limits
from cellblock.sandbox.cgroups import CellCgroup
from cellblock.sandbox.features import core_limit_bytes
from cellblock.sandbox.kernel_files import read_kernel_file

NAMESPACES = {
    "pid": "pid_namespace",
    "mnt": "mount_namespace",
    "net": "network_namespace",
    "ipc": "ipc_namespace",
    "uts": "uts_namespace",
    "cgroup": "cgroup_namespace",
}

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_SECCOMP_MODE_FILTER = "2"
_ZERO_CAPABILITIES = "0" * 16


WRITABLE = frozenset({"/box", "/tmp", "/dev/shm", "/proc"})
"""Where every program may write: its work area, and what its own ``/proc`` allows."""


class Meant(Struct, frozen=True, kw_only=True):
    """What a program was meant to be held by."""

    limits: Limits
    program_uid: int
    outside: frozenset[str]
    """Namespaces that it must not be in: the supervisor's and the spawner's."""
    writable: frozenset[str]
    """Mount points that it may write to."""


class Snapshot(Struct, frozen=True):
    """One process as ``/proc`` shows it, and what it was meant to be."""

    status: dict[str, str]
    namespaces: dict[str, str]
    """``/proc/<pid>/ns`` by name."""
    limits: dict[str, str]
    """Hard and soft limit by the names of ``/proc/<pid>/limits``."""
    mounts: dict[str, frozenset[str]]
    """Mount options by mount point, as the process sees them."""
    in_cgroup: bool
    memory_limit_bytes: int | None
    process_limit: int | None
    routed: frozenset[str]
    """Network interfaces that a route of its namespace goes through."""
    meant: Meant


class Controls(Struct, frozen=True):
    """Which controls hold and which do not, both in the order of contract and evidence."""

    applied: tuple[str, ...]
    missing: tuple[str, ...]
    memory_limit_bytes: int | None
    """As read back; ``None`` where none is in force."""
    process_limit: int | None
    """As read back; ``None`` where none is in force."""
    network: str | None = None
    """``off`` where it was seen to reach nothing; ``None`` where that was not seen."""


def read_namespaces(pid: int) -> dict[str, str]:
    """Return a process's namespaces, as ``kind:[inode]`` by the names of ``/proc/<pid>/ns``."""
    return {name: os.readlink(f"/proc/{pid}/ns/{name}") for name in NAMESPACES}  # noqa: PTH115  # often done


def take_snapshot(pid: int, cgroup: CellCgroup | None, meant: Meant) -> Snapshot:
    """Read everything that the checks need; raises ``OSError`` where the process is gone."""
    proc = f"/proc/{pid}"
    return Snapshot(
        status=_parse_status(read_kernel_file(f"{proc}/status")),
        namespaces=read_namespaces(pid),
        limits=_parse_limits(read_kernel_file(f"{proc}/limits")),
        mounts=_parse_mounts(read_kernel_file(f"{proc}/mountinfo")),
        in_cgroup=cgroup is not None and cgroup.holds(read_kernel_file(f"{proc}/cgroup")),
        memory_limit_bytes=cgroup.memory_limit_bytes() if cgroup else None,
        process_limit=cgroup.process_limit() if cgroup else None,
        routed=_read_routed(f"{proc}/net"),
        meant=meant,
    )


def _parse_status(text: str) -> dict[str, str]:
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


def _parse_limits(text: str) -> dict[str, str]:
    """Map ``Max file size`` to ``soft hard``; the names are padded to 26 columns."""
    return {line[:26].strip(): " ".join(line[26:].split()[:2]) for line in text.splitlines()[1:]}


def _read_routed(net: str) -> frozenset[str]:
    """Return the interfaces of all routes; those without one, as some modules make them, reach nothing."""
    four = read_kernel_file(f"{net}/route").splitlines()[1:]
    try:
        six = read_kernel_file(f"{net}/ipv6_route").splitlines()
    except FileNotFoundError:  # a kernel without IPv6
        six = []
    return frozenset([*(line.split()[0] for line in four), *(line.split()[-1] for line in six)])


def _parse_mounts(text: str) -> dict[str, frozenset[str]]:
    """Map mount points to their options; a later mount at a point hides the earlier one."""
    mounts = {}
    for line in text.splitlines():
        left, right = line.split(" - ", 1)
        fields = left.split(" ")
        filesystem, _, superblock = right.split(" ", 2)
        options = {f"type={filesystem}", *fields[5].split(","), *superblock.split(",")}
        # Mount and superblock each have their own say; one that says read-only is enough.
        mounts[fields[4]] = frozenset(options - {"rw"} if "ro" in options else options)
    return mounts


def _has_own_namespace(name: str) -> Callable[[Snapshot], bool]:
    return lambda seen: seen.namespaces[name] not in seen.meant.outside


def _limit_is(name: str, value: Callable[[Limits], int]) -> Callable[[Snapshot], bool]:
    return lambda seen: seen.limits.get(name) == " ".join([str(value(seen.meant.limits))] * 2)


def _mounted(path: str, *options: str) -> Callable[[Snapshot], bool]:
    return lambda seen: seen.mounts.get(path, frozenset()).issuperset(options)


def _capabilities_dropped(seen: Snapshot) -> bool:
    return all(
        seen.status.get(f"Cap{name}") == _ZERO_CAPABILITIES for name in ("Inh", "Prm", "Eff", "Bnd", "Amb")
    )


def _unprivileged_uid(seen: Snapshot) -> bool:
    ids = "\t".join([str(seen.meant.program_uid)] * 4)
    return (
        seen.meant.program_uid != 0
        and seen.status.get("Uid") == ids
        and seen.status.get("Gid") == ids
        and not seen.status.get("Groups", "x").strip()
    )


@functools.cache
def _filters_around() -> int:
    """Count the filters that we are under ourselves, as in a container: every program inherits those."""
    return _filter_count(_parse_status(read_kernel_file("/proc/self/status")))


def _filter_count(status: dict[str, str]) -> int:
    return int(status.get("Seccomp_filters", "0"))


def _filtered(seen: Snapshot) -> bool:
    """Say whether a filter holds that is the cell's own."""
    own = _filter_count(seen.status) - _filters_around()
    return seen.status.get("Seccomp") == _SECCOMP_MODE_FILTER and own > 0


def _program_is_no_init(seen: Snapshot) -> bool:
    return seen.status.get("NSpid", "").split()[-1:] == ["2"]


def _only_known_mounts(seen: Snapshot) -> bool:
    """Say whether everything mounted below the root is read-only, but for what is meant to be written."""
    writable = {point for point, options in seen.mounts.items() if "rw" in options}
    return writable <= seen.meant.writable


def _only_overlays(seen: Snapshot) -> bool:
    """Say whether all that is read-only has inodes of the cell's own, but for the host's devices."""
    others = {point for point, options in seen.mounts.items() if "type=overlay" not in options}
    return {point for point in others if not f"{point}/".startswith("/dev/")} <= seen.meant.writable


def _proc_hides_others(seen: Snapshot) -> bool:
    options = seen.mounts.get("/proc", frozenset())
    return "subset=pid" in options and bool(options & {"hidepid=invisible", "hidepid=2"})


CHECKS: dict[str, Callable[[Snapshot], bool]] = {
    "pid_namespace": lambda seen: _has_own_namespace("pid")(seen) and _program_is_no_init(seen),
    "mount_namespace": _has_own_namespace("mnt"),
    "network_namespace": _has_own_namespace("net"),
    # The kernel keeps the limit in whole pages, rounded down.
    "memory_limit": lambda seen: (
        seen.in_cgroup
        and seen.memory_limit_bytes == seen.meant.limits.memory_bytes // _PAGE_BYTES * _PAGE_BYTES
    ),
    "process_limit": lambda seen: seen.in_cgroup and seen.process_limit == seen.meant.limits.processes,
    "no_new_privileges": lambda seen: seen.status.get("NoNewPrivs") == "1",
    "ipc_namespace": _has_own_namespace("ipc"),
    "uts_namespace": _has_own_namespace("uts"),
    "cgroup_namespace": _has_own_namespace("cgroup"),
    "seccomp_filter": _filtered,
    "capabilities_dropped": _capabilities_dropped,
    "unprivileged_uid": _unprivileged_uid,
    "read_only_root": lambda seen: _mounted("/", "ro", "nosuid", "nodev")(seen) and _only_known_mounts(seen),
    "overlay_root": _only_overlays,
    "work_area_limit": lambda seen: (
        _mounted("/box", "type=tmpfs", "nosuid", "nodev")(seen)
        and _mounted("/box", f"nr_inodes={seen.meant.limits.work_area_inodes}")(seen)
        and _tmpfs_size(seen.mounts["/box"]) == _whole_pages(seen.meant.limits.work_area_bytes)
    ),
    "noexec_tmp": lambda seen: (
        _mounted("/tmp", "noexec", "nosuid", "nodev")(seen)
        and _mounted("/dev/shm", "noexec", "nosuid", "nodev")(seen)
    ),
    "private_proc": _proc_hides_others,
    "no_sysfs": lambda seen: not any("type=sysfs" in options for options in seen.mounts.values()),
    "file_size_limit": _limit_is("Max file size", lambda limits: limits.file_size_bytes),
    "open_files_limit": _limit_is("Max open files", lambda limits: limits.open_files),
    "stack_limit": _limit_is("Max stack size", lambda limits: limits.stack_bytes),
    "no_core_dumps": _limit_is("Max core file size", lambda _: core_limit_bytes()),
    "no_locked_memory": _limit_is("Max locked memory", lambda _: 0),
}
"""Every control by its name in the evidence: the contract's first, in its order."""


def _tmpfs_size(options: frozenset[str]) -> int | None:
    """Return the size option of a tmpfs in bytes; the kernel prints it in KiB."""
    for option in options:
        if option.startswith("size=") and option.endswith("k"):
            return int(option[5:-1]) * 1024
    return None


def _whole_pages(size_bytes: int) -> int:
    return -(-size_bytes // _PAGE_BYTES) * _PAGE_BYTES


def judge_controls(seen: Snapshot) -> Controls:
    """Run every check on one snapshot."""
    held = {name: check(seen) for name, check in CHECKS.items()}
    return Controls(
        applied=tuple(name for name, holds in held.items() if holds),
        missing=tuple(name for name, holds in held.items() if not holds),
        memory_limit_bytes=seen.memory_limit_bytes if seen.in_cgroup else None,
        process_limit=seen.process_limit if seen.in_cgroup else None,
        network="off" if held["network_namespace"] and seen.routed <= {"lo"} else None,
    )
