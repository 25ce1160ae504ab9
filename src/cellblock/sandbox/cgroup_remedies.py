"""What gives us a cgroup controller that is missing, as the command or setting for this very host."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from cellblock import subids
from cellblock.sandbox.cgroups import OWN_LEAF, CgroupTree, read_mounts
from cellblock.sandbox.surroundings import LOOK_CLOSER, in_container, what_lifts_it
from cellblock.sandbox.user_namespace import is_our_own, read_id_map

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
        return _on_v1([controller], listed)
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


def missing_remedy(controller: str, tree: CgroupTree) -> str:
    """Return what gives a tree that lacks the controller groups with it."""
    if tree.backend == "cgroup_v1":
        return _in_hierarchies([controller], tree.bases)
    return controller_remedy(controller, tree.bases[controller])


def subtree_remedy(tree: CgroupTree) -> str:
    """Return what lets us make the tree, where there is nothing of it."""
    if tree.backend == "cgroup_v1":
        return _in_hierarchies(list(tree.missing), tree.bases)
    base = tree.bases["memory"]
    listed = _listed()
    top = _unified()
    if top is None or _kernel_lacks("memory", listed, top) or _is_on_v1("memory", listed):
        return controller_remedy("memory", base)
    if is_our_own() and in_container():
        return (
            "start cellblock as the container's root, with what deploy/compose.yaml gives it (docs/deploy.md)"
        )
    if _is_read_only(base if base.is_dir() else top):
        return _writable([top])
    if is_our_own():
        handed = top / _our_user() if base.is_dir() else base
        scope = (
            "systemd-run --user --scope -p Delegate=yes .venv/bin/cellblock serve; or " if base == top else ""
        )
        return (
            f"{scope}as root: {_hand_over(top, handed)}; and start cellblock in it, from its own directory: "
            f"{start_in(handed)}"
        )
    if not base.is_dir():
        return f"mkdir -p {base}; CELLBLOCK_CGROUP_ROOT names it"
    if not _is_machines_root():
        return (
            "cgroup: private (--cgroupns=private) for the container, and for its engine a group that systemd "
            "has delegated to it: Podman --cgroup-manager=systemd, Docker native.cgroupdriver=systemd"
        )
    return more_groups(base) or what_lifts_it() or LOOK_CLOSER


def more_groups(base: Path) -> str:
    """Return what allows more groups, or deeper ones, in ``base`` of v2; empty where nothing limits them."""
    limiting = [
        str(group / file)
        for group in (base, *base.parents)
        for file in ("cgroup.max.descendants", "cgroup.max.depth")
        if (group / file).exists() and "max" not in _words(group, file)
    ]
    return f"echo max | tee {' '.join(limiting)}" if limiting else ""


def _in_hierarchies(controllers: Sequence[str], bases: Mapping[str, Path]) -> str:
    """Return what gives groups with these controllers on v1, where ``bases`` are those that are mounted."""
    listed = _listed()
    for controller in controllers:
        if _kernel_lacks(controller, listed, None):
            return controller_remedy(controller, None)
    unmounted = [controller for controller in controllers if controller not in bases]
    if unmounted or not _is_machines_root():
        return _on_v1(unmounted, listed)
    groups = list(dict.fromkeys(bases.values()))
    tops = [mount.mount_point for mount in read_mounts() if mount.filesystem == "cgroup"]
    read_only = [
        top for top in tops if any(group.is_relative_to(top) for group in groups) and _is_read_only(top)
    ]
    if read_only:
        return _writable(read_only)
    if absent := [str(group) for group in groups if not group.is_dir()]:
        return f"mkdir -p {' '.join(absent)}; CELLBLOCK_CGROUP_ROOT names it"
    return what_lifts_it() or LOOK_CLOSER


def _is_read_only(path: Path | str) -> bool:
    return bool(os.statvfs(path).f_flag & os.ST_RDONLY)


def _writable(mounts: Sequence[Path | str]) -> str:
    """Return what makes mounts of cgroups writable: a command in a container, else the unit's setting."""
    if not in_container():
        return "ProtectControlGroups=no in the unit that starts us"
    commands = " && ".join(f"mount -o remount,bind,rw,nosuid,nodev,noexec {mount}" for mount in mounts)
    return (
        f"{commands}; in a container deploy/entrypoint does it, with cgroup: private and cap_add: [SYS_ADMIN]"
    )


def _our_user() -> str:
    """Name the user that we are outside of our namespace."""
    id_map = read_id_map()
    return subids.name_of(os.geteuid() if id_map.is_whole else id_map.outer_root)


def _hand_over(top: Path, group: Path) -> str:
    """Return the command by which root hands a group to the user that we are."""
    user, name = _our_user(), group.relative_to(top)
    controllers = " ".join(f"+{each}" for each in _HANDED_OVER if each in _words(top, "cgroup.controllers"))
    above = " ".join(str(each / "cgroup.subtree_control") for each in reversed(name.parents))
    files = " ".join(f"{name}/cgroup.{file}" for file in ("procs", "subtree_control", "threads"))
    return (
        f"(cd {top} && mkdir -p {name}/{OWN_LEAF} && echo '{controllers}' | tee {above} && "
        f"chown -R {user} {name}/{OWN_LEAF} && chown {user} {name} {files})"
    )


def start_in(group: Path) -> str:
    """Return root's command that starts cellblock as our user in his group, as docs/hosts.md does."""
    user, leaf = _our_user(), group / OWN_LEAF
    return (
        f"(mkdir -p {leaf} && chown -R {user} {leaf} && echo 0 >{leaf}/cgroup.procs && exec setpriv "
        f'--reuid {user} --regid "$(id -g {user})" --init-groups --reset-env .venv/bin/cellblock serve)'
    )


def mount_remedy() -> str:
    """Return what mounts the cgroup file systems of this host where there are none."""
    listed = _listed()
    if not any(_is_on_v1(controller, listed) for controller in _ON_V1):
        return f"mount -t cgroup2 none {_TOP}"
    return f"mount -t tmpfs cgroup {_TOP} && {_mount_v1(_ON_V1, listed)}"


def _on_v1(controllers: Sequence[str], listed: dict[str, _Listed]) -> str:
    if not _is_machines_root():
        return (
            "run as root, or boot with systemd.unified_cgroup_hierarchy=1: "
            "cgroup v1 cannot be handed to an ordinary user"
        )
    return _mount_v1(controllers, listed)


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
