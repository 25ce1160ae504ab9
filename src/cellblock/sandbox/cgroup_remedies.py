"""What gives us a cgroup controller that is missing, as the command or setting for this very host."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from cellblock.sandbox.user_namespace import read_id_map

_CONTROLLERS = Path("/proc/cgroups")
_TOP = "/sys/fs/cgroup"
_ON_V1 = ("cpu", "cpuacct", "memory", "pids")


def controller_remedy(controller: str) -> str:
    """Return what gives us this controller: as root of the machine, or as whoever we are."""
    known = _hierarchies()
    if controller not in known:
        return f"boot with cgroup_enable={controller}, or a kernel that was built with this controller"
    if os.geteuid() != 0 or not read_id_map().is_whole:
        if known[controller]:
            return (
                "run as root, or boot with systemd.unified_cgroup_hierarchy=1: "
                "cgroup v1 cannot be handed to an ordinary user"
            )
        return (
            "systemd-run --user --scope -p Delegate=yes cellblock …, or as root: make a cgroup, chown it, "
            f"its cgroup.procs and its cgroup.subtree_control to the user, write +{controller} to the "
            "cgroup.subtree_control above it, and start cellblock in it"
        )
    if known[controller]:
        return _mount_v1([controller], known)
    return (
        "have the service's cgroup delegated (systemd Delegate=yes; in a container: a writable cgroup mount "
        f"of its own), or write +{controller} to the cgroup.subtree_control of every group above it"
    )


def mount_remedy() -> str:
    """Return what mounts the cgroup file systems of this host where there are none."""
    known = _hierarchies()
    if not any(known.get(controller) for controller in _ON_V1):
        return f"mount -t cgroup2 none {_TOP}"
    return f"mount -t tmpfs cgroup {_TOP} && {_mount_v1(_ON_V1, known)}"


def _mount_v1(controllers: Sequence[str], known: dict[str, int]) -> str:
    """Return the command; controllers that share a hierarchy can be mounted together only."""
    sharing = {
        ",".join(other for other in known if known[other] == known[controller]): None
        for controller in controllers
        if known.get(controller)
    }
    return " && ".join(
        f"mkdir -p {_TOP}/{names} && mount -t cgroup -o {names} cgroup {_TOP}/{names}" for names in sharing
    )


def _hierarchies() -> dict[str, int]:
    """Map the kernel's controllers to their v1 hierarchy; 0 is none, so that v2 has it or may have it."""
    lines = _CONTROLLERS.read_text(encoding="ascii").splitlines()[1:]
    rows = (line.split() for line in lines)
    return {name: int(hierarchy) for name, hierarchy, _, enabled in rows if enabled == "1"}
