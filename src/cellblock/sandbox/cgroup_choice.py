"""Which cgroup generation this host offers for our limits."""

from __future__ import annotations

from pathlib import Path

from cellblock.errors import HostError
from cellblock.sandbox.cgroup_remedies import mount_remedy
from cellblock.sandbox.cgroup_v1 import CgroupTreeV1
from cellblock.sandbox.cgroup_v2 import CgroupTreeV2
from cellblock.sandbox.cgroups import CgroupTree, read_mounts

AUTO = "auto"


def open_tree(instance: str, leases: Path, parent: str = AUTO) -> CgroupTree:
    """Make this instance's subtree on the generation that has the controllers.

    ``leases`` is the directory of those, by which dead instances are told. ``parent`` is a group inside the
    hierarchies, such as ``/machine.slice``, or ``auto``.

    A controller lives in one hierarchy only, so a hybrid host with v1 controllers and an empty
    v2 mount is a v1 host. Raises ``HostError`` where no cgroup file system is mounted.
    """
    mounts = read_mounts()
    v1_controllers = {name for mount in mounts if mount.filesystem == "cgroup" for name in mount.options}
    unified = next((mount for mount in mounts if mount.filesystem == "cgroup2"), None)
    if unified is not None and not {"memory", "pids"} & v1_controllers:
        return CgroupTreeV2(unified, instance, leases, None if parent == AUTO else parent)
    if v1_controllers:
        return CgroupTreeV1(mounts, instance, "/" if parent == AUTO else parent)
    raise HostError(f"no cgroup file system is mounted: {mount_remedy()}")
