"""What this host's kernel offers for cells, looked at without making one."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
from pathlib import Path

from msgspec import Struct

from cellblock.model import Remedy
from cellblock.sandbox import wire
from cellblock.sandbox.kernel_files import read_kernel_file
from cellblock.sandbox.surroundings import what_allows_user_namespaces
from cellblock.sandbox.user_namespace import (
    IdMap,
    is_our_own,
    namespace_limit,
    read_id_map,
    what_gives_uids,
)

CLONE_FLAGS = {
    "pid": 0x20000000,
    "mnt": 0x00020000,
    "net": 0x40000000,
    "ipc": 0x08000000,
    "uts": 0x04000000,
}
"""Namespaces that a cell's init is born into; the cgroup namespace is entered after the cgroup."""

_OLDEST_KERNEL = (5, 12)
"""clone3, close_range, openat2, pidfds, proc's subset=pid and mount_setattr are all there from here on."""

_CAPABILITIES = {
    "SYS_ADMIN": (21, "namespaces and mounts"),
    "SETUID": (7, "uids of programs"),
    "SETGID": (6, "groups of programs"),
    "SETPCAP": (8, "taking capabilities from programs"),
    "CHOWN": (0, "giving programs their pipes"),
    "KILL": (5, "ending programs"),
    "SYS_PTRACE": (19, "reading back what holds a program"),
    "NET_ADMIN": (12, "a cell's loopback interface"),
}
"""What root needs, by number and purpose; a container may have less."""

_MKNOD = 27
_SYS_FSOPEN = 430
"""On every architecture."""
_FSOPEN_CLOEXEC = 1

_SECCOMP_ACTIONS = Path("/proc/sys/kernel/seccomp/actions_avail")

_CORE_PATTERN = "/proc/sys/kernel/core_pattern"

_libc = ctypes.CDLL(None, use_errno=True)


def core_limit_bytes() -> int:
    """Return the RLIMIT_CORE under which no core is dumped on this host.

    A pattern that pipes to a program is followed whatever the limit, but for the limit 1, with
    which the kernel refuses; a host program that parses a guest's memory as root is no wall.
    """
    return 1 if read_kernel_file(_CORE_PATTERN).startswith("|") else 0


class HostFeatures(Struct, frozen=True):
    """What can be asked of this kernel."""

    features: tuple[Remedy, ...]
    missing_namespaces: tuple[str, ...]
    seccomp: bool
    seccomp_notify: bool
    in_user_namespace: bool
    """Whether we are root of a user namespace only."""
    one_uid: bool
    """Whether that has no uids for cells."""
    missing_capabilities: tuple[str, ...]
    """Of root, in a container that was given fewer."""
    overlay: bool
    makes_nodes: bool
    """Whether roots can have device nodes of their own."""

    @property
    def why_no_cell(self) -> str:
        """Why not even a weaker cell can be made: it could not be ended or read back, or saw the host."""
        if {"pid", "mnt"} & set(self.missing_namespaces):
            return "there is no cell without pid and mount namespaces"
        if self.missing_capabilities:
            return f"there is no cell without the capabilities {', '.join(self.missing_capabilities)}"
        if not self.overlay:
            return "there is no cell without overlayfs"
        return ""

    @property
    def clone_flags(self) -> int:
        """The namespaces that a cell can have here."""
        return sum(flag for name, flag in CLONE_FLAGS.items() if name not in self.missing_namespaces)

    @property
    def wire_features(self) -> int:
        """The helper's feature bits that hold here."""
        bits = 0 if "cgroup" in self.missing_namespaces else wire.FEATURE_CGROUP_NS
        if self.seccomp:
            bits |= wire.FEATURE_SECCOMP
        if self.seccomp_notify:
            bits |= wire.FEATURE_SECCOMP_NOTIFY
        if self.one_uid:
            bits |= wire.FEATURE_ONE_UID
        return bits


def inspect_host(uid_range: tuple[int, int]) -> HostFeatures:
    """Look at kernel, privileges, namespaces and seccomp; ``uid_range`` is what cells would have."""
    id_map = read_id_map()
    one_uid = id_map.within(*uid_range) is None
    missing_capabilities = _missing_capabilities() if os.geteuid() == 0 else ()
    missing = tuple(name for name in (*CLONE_FLAGS, "cgroup") if not _namespace_works(name))
    actions = _SECCOMP_ACTIONS.read_text(encoding="ascii").split() if _SECCOMP_ACTIONS.exists() else []
    overlay = _has_file_system("overlay")
    makes_nodes = id_map.is_whole and _has_capability(_MKNOD)
    features = (
        _kernel(),
        _privileges(id_map),
        *([_capabilities(missing_capabilities)] if os.geteuid() == 0 else []),
        *([] if id_map.is_whole else [_uids(id_map, uid_range, one_uid=one_uid)]),
        *(_namespace(name, works=name not in missing) for name in (*CLONE_FLAGS, "cgroup")),
        _overlay(works=overlay),
        _device_nodes(works=makes_nodes, is_whole=id_map.is_whole),
        _seccomp(actions),
        _notification(actions),
    )
    return HostFeatures(
        features,
        missing,
        seccomp=bool(actions),
        seccomp_notify="user_notif" in actions,
        in_user_namespace=not id_map.is_whole,
        one_uid=one_uid and not id_map.is_whole,
        missing_capabilities=missing_capabilities,
        overlay=overlay,
        makes_nodes=makes_nodes,
    )


def _kernel() -> Remedy:
    release = platform.release()
    numbers = tuple(int(part) for part in release.split("-")[0].split(".")[:2])
    return Remedy(
        feature="kernel",
        ok=numbers >= _OLDEST_KERNEL,
        detail=f"Linux {release} on {platform.machine()}",
        remedy=""
        if numbers >= _OLDEST_KERNEL
        else f"boot Linux {'.'.join(map(str, _OLDEST_KERNEL))} or newer",
    )


def _privileges(id_map: IdMap) -> Remedy:
    is_root = os.geteuid() == 0
    where = "" if id_map.is_whole else f" of a user namespace; uid {id_map.outer_root} outside of it"
    return Remedy(
        feature="privileges",
        ok=is_root,
        detail=f"root{where}" if is_root else f"uid {os.geteuid()}, without a user namespace of its own",
        remedy="" if is_root else f"{what_allows_user_namespaces()}; programs themselves never run as root",
    )


def _has_capability(number: int) -> bool:
    status = Path("/proc/thread-self/status").read_text(encoding="ascii")
    return bool(int(status.split("CapEff:")[1].split()[0], 16) >> number & 1)


def _missing_capabilities() -> tuple[str, ...]:
    return tuple(name for name, (number, _) in _CAPABILITIES.items() if not _has_capability(number))


def _capabilities(missing: tuple[str, ...]) -> Remedy:
    purposes = "; ".join(f"{name} for {_CAPABILITIES[name][1]}" for name in missing)
    units = " ".join(f"CAP_{name}" for name in missing)
    return Remedy(
        feature="capabilities",
        ok=not missing,
        detail=f"missing: {purposes}" if missing else "all that are needed",
        remedy=f"cap_add: [{', '.join(missing)}] in a container, {units} in a unit's CapabilityBoundingSet="
        if missing
        else "",
    )


def _uids(id_map: IdMap, uid_range: tuple[int, int], *, one_uid: bool) -> Remedy:
    return Remedy(
        feature="uids for cells",
        ok=not one_uid,
        detail=f"{id_map.count} in the user namespace" + (": programs would be ourselves" if one_uid else ""),
        remedy=what_gives_uids(id_map, uid_range) if one_uid else "",
    )


def _in_kernel(name: str) -> bool:
    return Path("/proc/self/ns", name).exists()


def _namespace_works(name: str) -> bool:
    return _in_kernel(name) and namespace_limit(name) != 0


def _namespace(name: str, *, works: bool) -> Remedy:
    limit = f"user.max_{name}_namespaces"
    turn = f"{'as root: ' if is_our_own() else ''}sysctl {limit}=10000"
    return Remedy(
        feature=f"{name} namespace",
        ok=works,
        detail="available" if works else f"{limit} is 0" if _in_kernel(name) else "not in this kernel",
        remedy="" if works else turn if _in_kernel(name) else "boot a kernel with CONFIG_NAMESPACES",
    )


def _has_file_system(name: str) -> bool:
    """Say whether the kernel has it, as a module too; who may not ask finds out at the first cell."""
    context_fd = _libc.syscall(_SYS_FSOPEN, name.encode(), _FSOPEN_CLOEXEC)
    if context_fd >= 0:
        os.close(context_fd)
    return context_fd >= 0 or ctypes.get_errno() != errno.ENODEV


def _overlay(*, works: bool) -> Remedy:
    return Remedy(
        feature="overlayfs",
        ok=works,
        detail="a cell's root has inodes of its own" if works else "not in this kernel",
        remedy="" if works else "modprobe overlay, or boot a kernel with CONFIG_OVERLAY_FS",
    )


def _device_nodes(*, works: bool, is_whole: bool) -> Remedy:
    give = "cap_add: [MKNOD] in a container, CAP_MKNOD in a unit's CapabilityBoundingSet="
    return Remedy(
        feature="device nodes",
        ok=works,
        detail="a cell's own" if works else "the host's: programs can lock them and see each other's locks",
        remedy=""
        if works
        else give
        if is_whole
        else "start cellblock as the machine's root: no user namespace makes any",
        required=False,
    )


def _seccomp(actions: list[str]) -> Remedy:
    return Remedy(
        feature="seccomp filter",
        ok=bool(actions),
        detail=" ".join(actions) or "not in this kernel",
        remedy="" if actions else "boot a kernel with CONFIG_SECCOMP_FILTER",
    )


def _notification(actions: list[str]) -> Remedy:
    works = "user_notif" in actions
    return Remedy(
        feature="seccomp notification",
        ok=works,
        detail="forbidden calls are named in the evidence"
        if works
        else "forbidden calls end unnamed, by SIGSYS",
        remedy="" if works else "boot Linux 5.5 or newer",
        required=False,
    )
