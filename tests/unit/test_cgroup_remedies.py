"""What is named where cgroups are missing: the command or setting of this very kind of host."""

from __future__ import annotations

import pytest

from cellblock.sandbox import cgroup_remedies
from cellblock.sandbox.cgroup_remedies import controller_remedy, mount_remedy
from cellblock.sandbox.user_namespace import IdMap

HEAD = "#subsys_name\thierarchy\tnum_cgroups\tenabled\n"
V1 = HEAD + "cpuset\t3\t1\t1\ncpu\t1\t4\t1\ncpuacct\t1\t4\t1\nmemory\t4\t207\t1\npids\t8\t4\t1\n"
V2 = HEAD + "cpuset\t0\t1\t1\ncpu\t0\t4\t1\ncpuacct\t0\t4\t1\nmemory\t0\t207\t1\npids\t0\t4\t1\n"
WITHOUT_MEMORY = HEAD + "cpu\t0\t4\t1\nmemory\t0\t1\t0\npids\t0\t4\t1\n"


@pytest.fixture
def host(monkeypatch, tmp_path):
    """Pretend to be root, or an ordinary user, of a host with these controllers."""

    def pretend(controllers: str, *, root: bool = True):
        file = tmp_path / "cgroups"
        file.write_text(controllers)
        monkeypatch.setattr(cgroup_remedies, "_CONTROLLERS", file)
        whole = IdMap(((0, 0, 2**32 - 1),))
        mapped = whole if root else IdMap(((0, 1000, 1),))
        monkeypatch.setattr(cgroup_remedies, "read_id_map", lambda: mapped)

    return pretend


def test_root_on_v1_is_told_the_mount_and_controllers_that_share_a_hierarchy_come_together(host):
    host(V1)
    assert controller_remedy("memory") == (
        "mkdir -p /sys/fs/cgroup/memory && mount -t cgroup -o memory cgroup /sys/fs/cgroup/memory"
    )
    assert "-o cpu,cpuacct cgroup /sys/fs/cgroup/cpu,cpuacct" in controller_remedy("cpuacct")
    remedy = mount_remedy()
    assert remedy.startswith("mount -t tmpfs cgroup /sys/fs/cgroup && ")
    assert remedy.count("mount -t cgroup -o") == 3


def test_root_on_v2_is_told_to_mount_or_to_hand_down(host):
    host(V2)
    assert mount_remedy() == "mount -t cgroup2 none /sys/fs/cgroup"
    assert "Delegate=yes" in controller_remedy("memory")
    assert "+memory to the cgroup.subtree_control" in controller_remedy("memory")


def test_an_ordinary_user_is_told_how_one_is_handed_over_and_that_v1_cannot_be(host):
    host(V2, root=False)
    assert controller_remedy("pids").startswith("systemd-run --user --scope -p Delegate=yes")
    host(V1, root=False)
    assert "systemd.unified_cgroup_hierarchy=1" in controller_remedy("pids")


@pytest.mark.parametrize("root", [True, False])
def test_a_kernel_that_was_booted_without_a_controller_is_told_the_argument(host, root):
    host(WITHOUT_MEMORY, root=root)
    assert controller_remedy("memory").startswith("boot with cgroup_enable=memory")
