"""What gives us a cgroup controller that is missing, as the command or setting for this very host."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from cellblock import subids
from cellblock.sandbox.cgroups import OWN_LEAF, read_mounts
from cellblock.sandbox.user_namespace import read_id_map

_LISTED = Path("/proc/cgroups")
_TOP = "/sys/fs/cgroup"
_ON_V1 = ("cpu", "cpuacct", "memory", "pids")
_HANDED_OVER = ("cpu", "memory", "pids")


class _Listed(Struct, frozen=True):
    """One line of ``/proc/cgroups``."""

    hierarchy: int
    """On v1; 0 is none, so that v2 has the controller or may have it."""
    enabled: bool


def controller_remedy(controller: str, base: Path | None) -> str:
    """Return what gives groups below ``base`` this controller, where we can make some; ``None`` is v1."""
    listed = _listed()
    top = _unified() if base else None
    if _kernel_lacks(controller, listed, top):
        return f"boot with cgroup_enable={controller}, or a kernel that was built with this controller"
    if base is None or top is None or _is_on_v1(controller, listed):
        return _on_v1(controller, listed)
    if controller in _words(base, "cgroup.controllers"):
        others = base / "others"
        return (
            f"a group with processes hands nothing down; move them: mkdir -p {others} && "
            f"for pid in $(cat {base}/cgroup.procs); do echo $pid >{others}/cgroup.procs; done"
        )
    if controller not in _words(top, "cgroup.controllers"):
        return (
            "Delegate=yes in the unit that starts us or our container; or on the host, in each group above "
            f"ours, from its {_TOP} down: echo +{controller} >cgroup.subtree_control"
        )
    above = [top, *(group for group in reversed(base.parents) if group.is_relative_to(top) and group != top)]
    files = [
        group / "cgroup.subtree_control"
        for group in above
        if controller not in _words(group, "cgroup.subtree_control")
    ]
    command = f"echo +{controller} | tee {' '.join(map(str, files))}"
    return (
        f"{'' if _is_machines_root() else 'as root: '}{command}; or Delegate=yes in the unit that starts us"
    )


def subtree_remedy(base: Path | None) -> str:
    """Return what lets us make groups in ``base``; ``None`` is v1."""
    listed = _listed()
    top = _unified() if base else None
    if base is None or top is None or _kernel_lacks("memory", listed, top) or _is_on_v1("memory", listed):
        return controller_remedy("memory", base)
    if not base.is_dir():
        return f"mkdir -p {base}, which CELLBLOCK_CGROUP_ROOT names"
    if not _is_machines_root():
        return (
            "systemd-run --user --scope -p Delegate=yes .venv/bin/cellblock serve; or as root: "
            f"{_hand_over(top)}; and start cellblock in it, as docs/hosts.md shows"
        )
    if os.statvfs(base).f_flag & os.ST_RDONLY:
        return (
            f"mount -o remount,bind,rw,nosuid,nodev,noexec {top}; in a container deploy/entrypoint does it, "
            "with cgroup: private and cap_add: [SYS_ADMIN]"
        )
    return (
        f"raise what {base}/cgroup.max.descendants and cgroup.max.depth say, there and in the groups above; "
        "or change the AppArmor profile that keeps us from making groups"
    )


def _hand_over(top: Path) -> str:
    """Return the commands by which root hands a group to the user that we are outside of our namespace."""
    id_map = read_id_map()
    user = subids.name_of(os.geteuid() if id_map.is_whole else id_map.outer_root)
    controllers = " ".join(f"+{name}" for name in _HANDED_OVER if name in _words(top, "cgroup.controllers"))
    files = " ".join(f"{user}/cgroup.{name}" for name in ("procs", "subtree_control", "threads"))
    return (
        f"cd {top} && echo '{controllers}' >cgroup.subtree_control && mkdir -p {user}/{OWN_LEAF} && "
        f"chown -R {user} {user}/{OWN_LEAF} && chown {user} {user} {files}"
    )


def mount_remedy() -> str:
    """Return what mounts the cgroup file systems of this host where there are none."""
    listed = _listed()
    if not any(_is_on_v1(controller, listed) for controller in _ON_V1):
        return f"mount -t cgroup2 none {_TOP}"
    return f"mount -t tmpfs cgroup {_TOP} && {_mount_v1(_ON_V1, listed)}"


def _on_v1(controller: str, listed: dict[str, _Listed]) -> str:
    if not _is_machines_root():
        return (
            "run as root, or boot with systemd.unified_cgroup_hierarchy=1: "
            "cgroup v1 cannot be handed to an ordinary user"
        )
    return _mount_v1([controller], listed)


def _mount_v1(controllers: Sequence[str], listed: dict[str, _Listed]) -> str:
    """Return the command; controllers that share a hierarchy can be mounted together only."""
    sharing = {
        ",".join(other for other in listed if _share(other, controller, listed)): None
        for controller in controllers
        if controller in listed
    }
    return " && ".join(
        f"mkdir -p {_TOP}/{names} && mount -t cgroup -o {names} cgroup {_TOP}/{names}" for names in sharing
    )


def _share(one: str, other: str, listed: dict[str, _Listed]) -> bool:
    return one == other or (_is_on_v1(one, listed) and listed[one].hierarchy == listed[other].hierarchy)


def _is_on_v1(controller: str, listed: dict[str, _Listed]) -> bool:
    return controller in listed and listed[controller].hierarchy != 0


def _kernel_lacks(controller: str, listed: dict[str, _Listed], top: Path | None) -> bool:
    """Say whether this kernel, as it was booted, is known not to have the controller.

    v2's own root names all that it has. ``/proc/cgroups`` is v1's: a kernel of 6.12 or newer that was
    built without a controller's v1 files does not list it there.
    """
    if controller in listed and (not listed[controller].enabled or listed[controller].hierarchy):
        return not listed[controller].enabled
    if top is None:
        return controller not in listed
    # Only the machine's root has no events; what another group lacks may have been kept from it.
    return not (top / "cgroup.events").exists() and controller not in _words(top, "cgroup.controllers")


def _is_machines_root() -> bool:
    return os.geteuid() == 0 and read_id_map().is_whole


def _unified() -> Path | None:
    mounts = (mount.mount_point for mount in read_mounts() if mount.filesystem == "cgroup2")
    return next(map(Path, mounts), None)


def _words(group: Path, file: str) -> list[str]:
    return (group / file).read_text(encoding="ascii").split()


def _listed() -> dict[str, _Listed]:
    if not _LISTED.exists():
        return {}
    rows = (line.split() for line in _LISTED.read_text(encoding="ascii").splitlines()[1:])
    return {name: _Listed(int(hierarchy), enabled=enabled == "1") for name, hierarchy, _, enabled in rows}
