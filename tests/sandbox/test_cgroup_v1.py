"""What cgroup v1 needs besides its groups, and what goes with them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cellblock.sandbox.cgroup_v1 import CgroupTreeV1
from cellblock.sandbox.cgroups import read_mounts
from sandbox.cells import until
from sandbox.running_out import assert_half_made_groups_go

INSTANCE = f"test-{os.getpid()}"


def named_hierarchies() -> str:
    return Path("/proc/self/cgroup").read_text(encoding="ascii")


pytestmark = pytest.mark.skipif(
    not any(mount.filesystem == "cgroup" for mount in read_mounts()), reason="a host without cgroup v1"
)


def test_joins_are_made_swift_by_a_hierarchy_of_our_own_for_as_long_as_there_is_the_tree():
    mine = f":name=cellblock-{INSTANCE}:"
    tree = CgroupTreeV1(read_mounts(), INSTANCE)
    try:
        assert mine in named_hierarchies()
        assert not [mount for mount in read_mounts() if INSTANCE in str(mount)], "it is mounted nowhere"
    finally:
        tree.remove()
    until(lambda: mine not in named_hierarchies(), 10)


def test_where_descriptors_run_out_no_half_made_groups_are_left(monkeypatch):
    tree = CgroupTreeV1(read_mounts(), INSTANCE)
    try:
        assert_half_made_groups_go(tree, monkeypatch)
    finally:
        tree.remove()
