"""What is named where cgroups are missing: the command or setting of this very kind of host."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from cellblock.sandbox import cgroup_remedies
from cellblock.sandbox.cgroup_remedies import (
    controller_remedy,
    missing_remedy,
    mount_remedy,
    start_in,
    subtree_remedy,
)
from cellblock.sandbox.cgroups import Mount
from cellblock.sandbox.user_namespace import IdMap

HEAD = "#subsys_name\thierarchy\tnum_cgroups\tenabled\n"
V1 = HEAD + "cpuset\t3\t1\t1\ncpu\t1\t4\t1\ncpuacct\t1\t4\t1\nmemory\t4\t207\t1\npids\t8\t4\t1\n"
V2 = HEAD + "cpuset\t0\t1\t1\ncpu\t0\t4\t1\ncpuacct\t0\t4\t1\nmemory\t0\t207\t1\npids\t0\t4\t1\n"
V2_WITHOUT_V1S_FILES = HEAD + "cpu\t0\t4\t1\npids\t0\t4\t1\n"
"""Linux 6.12 or newer without CONFIG_MEMCG_V1: memory is not listed, though v2 has it."""
DISABLED = HEAD + "cpu\t0\t4\t1\nmemory\t0\t1\t0\npids\t0\t4\t1\n"
ALL = "cpuset cpu memory pids"
BOOT = "boot with cgroup_enable=memory"


def write(group: Path, *, controllers: str, handed_down: str = "") -> Path:
    """Write a group's files as the kernel shows them."""
    group.mkdir(exist_ok=True)
    for name, text in (("controllers", controllers), ("subtree_control", handed_down), ("procs", "")):
        (group / f"cgroup.{name}").write_text(text)
    return group


def v2(base: Path) -> SimpleNamespace:
    return SimpleNamespace(backend="cgroup_v2", bases=dict.fromkeys(("memory", "pids"), base))


def v1(missing: str = "memory pids cpuacct", **bases: Path) -> SimpleNamespace:
    return SimpleNamespace(
        backend="cgroup_v1", bases=bases, missing=dict.fromkeys(missing.split(), "cannot make it")
    )


@pytest.fixture
def host(monkeypatch, tmp_path):
    """Pretend to be root, or an ordinary user, of a host with these controllers; returns v2's top."""

    def pretend(
        listed: str,
        controllers: str = "",
        *,
        root: bool = True,
        in_container: bool = False,
        made_by_us: bool | None = None,
    ) -> Path:
        file = tmp_path / "cgroups"
        file.write_text(listed)
        monkeypatch.setattr(cgroup_remedies, "_LISTED", file)
        top = write(tmp_path / "top", controllers=controllers)
        if in_container:
            (top / "cgroup.events").touch()
        mounts = [Mount("/", str(top), "cgroup2", frozenset())] if controllers else []
        monkeypatch.setattr(cgroup_remedies, "read_mounts", lambda: mounts)
        mapped = IdMap(((0, 0, 2**32 - 1),)) if root else IdMap(((0, 65534, 1),))
        monkeypatch.setattr(cgroup_remedies, "read_id_map", lambda: mapped)
        monkeypatch.setattr(cgroup_remedies, "in_container", lambda: in_container)
        own = not root if made_by_us is None else made_by_us
        monkeypatch.setattr(cgroup_remedies, "is_our_own", lambda: own)
        return top

    return pretend


def test_root_on_v1_is_told_the_mount_and_controllers_that_share_a_hierarchy_come_together(host):
    host(V1)
    assert controller_remedy("memory", None) == (
        "mkdir -p /sys/fs/cgroup/memory && mount -t cgroup -o memory cgroup /sys/fs/cgroup/memory"
    )
    assert missing_remedy("memory", v1()) == controller_remedy("memory", None)
    assert subtree_remedy(v1("memory cpuacct")).count("mount -t cgroup -o") == 2
    assert "-o cpu,cpuacct cgroup /sys/fs/cgroup/cpu,cpuacct" in controller_remedy("cpuacct", None)
    remedy = mount_remedy()
    assert remedy.startswith("mount -t tmpfs cgroup /sys/fs/cgroup && ")
    assert remedy.count("mount -t cgroup -o") == 3


def test_on_a_v1_host_a_controller_that_no_hierarchy_has_is_mounted_alone(host):
    host(V1.replace("pids\t8", "pids\t0").replace("cpuset\t3", "cpuset\t0"))
    remedy = controller_remedy("pids", None)
    assert remedy == "mkdir -p /sys/fs/cgroup/pids && mount -t cgroup -o pids cgroup /sys/fs/cgroup/pids"


@pytest.mark.parametrize("root", [True, False])
def test_a_controller_that_a_group_above_keeps_is_handed_down_by_the_command_that_is_named(host, root):
    top = host(V2, ALL, root=root)
    (top / "cgroup.subtree_control").write_text("memory pids")
    outer = write(top / "outer", controllers="memory pids")
    base = write(outer / "base", controllers="")
    remedy = controller_remedy("memory", base)
    command = f"echo +memory | tee {outer}/cgroup.subtree_control"
    assert remedy == f"{'' if root else 'as root: '}{command}; or Delegate=yes in the unit that starts us"
    subprocess.run(["sh", "-euc", command], check=True, capture_output=True)
    assert (outer / "cgroup.subtree_control").read_text() == "+memory\n"
    assert f"tee {top}/cgroup.subtree_control {outer}/cgroup" in controller_remedy("cpu", base)


def test_a_group_with_processes_is_emptied_by_the_command_that_is_named(host):
    top = host(V2, ALL, in_container=True)
    (top / "cgroup.procs").write_text("17\n23\n")
    remedy = controller_remedy("memory", top)
    assert "a group with processes hands nothing down" in remedy
    subprocess.run(["sh", "-euc", remedy.split("move them: ")[1]], check=True)
    assert (
        top / "others" / "cgroup.procs"
    ).read_text() == "23\n"  # the kernel's file takes one after another


@pytest.fixture
def read_only(monkeypatch):
    """Have every file system look as if it were mounted read-only, once this is called."""

    def pretend() -> None:
        found = os.statvfs_result((0,) * 8 + (os.ST_RDONLY, 0))
        monkeypatch.setattr(cgroup_remedies.os, "statvfs", lambda _: found)

    return pretend


def test_root_who_can_make_no_group_is_told_the_command_by_what_limits_groups(host):
    top = host(V2, ALL)
    base = write(top / "base", controllers=ALL)
    (top / "cgroup.max.descendants").write_text("max\n")
    (base / "cgroup.max.descendants").write_text("0\n")
    (base / "cgroup.max.depth").write_text("max\n")
    remedy = subtree_remedy(v2(base))
    assert remedy == f"echo max | tee {base}/cgroup.max.descendants"
    subprocess.run(["sh", "-euc", remedy], check=True, capture_output=True)
    assert subtree_remedy(v2(base)).startswith("dmesg says why")
    assert subtree_remedy(v2(top / "named")) == f"mkdir -p {top}/named; CELLBLOCK_CGROUP_ROOT names it"


@pytest.mark.parametrize("root", [True, False])
def test_the_root_of_a_container_makes_its_cgroup_writable_by_the_command_that_is_named(
    host, read_only, root
):
    # Where it is in a user namespace, no systemd --user is in reach, and nobody hands groups over.
    top = host(V2, ALL, root=root, in_container=True, made_by_us=False)
    read_only()
    assert subtree_remedy(v2(top)).startswith(f"mount -o remount,bind,rw,nosuid,nodev,noexec {top};")
    assert "deploy/entrypoint" in subtree_remedy(v2(top))


def test_the_root_of_a_container_in_a_user_namespace_without_a_cgroup_is_told_what_gives_it_one(host):
    remedy = subtree_remedy(v2(host(V2, ALL, root=False, in_container=True, made_by_us=False)))
    assert remedy.startswith("cgroup: private (--cgroupns=private) for the container")
    assert "systemd-run" not in remedy


def test_a_user_in_a_container_is_not_told_of_a_systemd_that_is_not_there(host, read_only):
    top = host(V2, ALL, root=False, in_container=True)
    expected = "start cellblock as the container's root, with what deploy/compose.yaml gives it"
    assert subtree_remedy(v2(top)).startswith(expected)
    read_only()
    assert subtree_remedy(v2(top)).startswith(expected)


@pytest.mark.parametrize("root", [True, False])
def test_where_no_container_is_around_us_what_is_read_only_is_the_units_doing(host, read_only, root):
    top = host(V2, ALL, root=root)
    read_only()
    assert subtree_remedy(v2(top)) == "ProtectControlGroups=no in the unit that starts us"


def test_root_on_v1_whose_named_group_is_nowhere_is_told_to_make_it_and_not_to_mount(host, tmp_path):
    host(V1)
    bases = {name: tmp_path / name / "machine.slice" for name in ("memory", "pids", "cpuacct")}
    remedy = subtree_remedy(v1(**bases))
    assert remedy.endswith("; CELLBLOCK_CGROUP_ROOT names it")
    subprocess.run(["sh", "-euc", remedy.split(";")[0]], check=True)
    assert all(base.is_dir() for base in bases.values())
    assert subtree_remedy(v1(**bases)).startswith("dmesg says why")
    bases["pids"].rmdir()
    remedy = missing_remedy("pids", v1("pids", **bases))
    assert remedy == f"mkdir -p {bases['pids']}; CELLBLOCK_CGROUP_ROOT names it"


@pytest.mark.parametrize("in_container", [True, False])
def test_root_on_v1_whose_hierarchies_are_read_only_is_told_what_makes_them_writable(
    host, monkeypatch, read_only, tmp_path, in_container
):
    host(V1, in_container=in_container)
    mounts = [
        Mount("/", f"{tmp_path}/{name}", "cgroup", frozenset()) for name in ("memory", "pids", "freezer")
    ]
    monkeypatch.setattr(cgroup_remedies, "read_mounts", lambda: mounts)
    read_only()
    remedy = subtree_remedy(v1("memory pids", memory=tmp_path / "memory", pids=tmp_path / "pids"))
    remount = "mount -o remount,bind,rw,nosuid,nodev,noexec"
    expected = f"{remount} {tmp_path}/memory && {remount} {tmp_path}/pids;"
    assert remedy.startswith(expected if in_container else "ProtectControlGroups=no in the unit")


def test_an_ordinary_user_is_told_how_one_is_handed_over_and_the_commands_do_it(host):
    top = host(V2, "memory pids", root=False)
    remedy = subtree_remedy(v2(top))
    assert remedy.startswith(
        "systemd-run --user --scope -p Delegate=yes .venv/bin/cellblock serve; or as root: "
    )
    commands = remedy.split("as root: ")[1].split("; and start")[0]
    write(top / "nobody", controllers="")
    write(top / "nobody" / "cellblock-service", controllers="")
    (top / "nobody" / "cgroup.threads").touch()
    subprocess.run(["sh", "-euc", commands], check=True, capture_output=True)
    assert (top / "cgroup.subtree_control").read_text() == "+memory +pids\n"
    given = {str(path.relative_to(top)) for path in top.rglob("*") if path.stat().st_uid == 65534}
    own = {f"nobody/cgroup.{name}" for name in ("procs", "subtree_control", "threads")}
    leaf = {f"nobody/cellblock-service/cgroup.{name}" for name in ("controllers", "procs", "subtree_control")}
    assert given == {"nobody", "nobody/cellblock-service", *own, *leaf}
    assert remedy.endswith(f"; and start cellblock in it, from its own directory: {start_in(top / 'nobody')}")


def test_a_group_that_a_user_has_named_and_that_is_not_there_is_made_and_handed_over_to_him(host):
    top = host(V2, "memory pids", root=False)
    base = top / "slice" / "judge"
    remedy = subtree_remedy(v2(base))
    assert remedy.startswith("as root: (cd ")
    assert "tee cgroup.subtree_control slice/cgroup.subtree_control" in remedy
    assert "chown nobody slice/judge slice/judge/cgroup.procs" in remedy
    assert remedy.endswith(start_in(base))


def test_the_command_that_starts_cellblock_in_a_group_joins_its_leaf_and_becomes_the_user(host):
    top = host(V2, ALL, root=False)
    base = write(top / "base", controllers=ALL)
    command = start_in(base)
    assert command.count(".venv/bin/cellblock serve") == 1
    asking = command.replace(
        ".venv/bin/cellblock serve", "sh -c 'id -un; id -gn; echo $CELLBLOCK_CGROUP_ROOT'"
    )
    environment = {**os.environ, "CELLBLOCK_CGROUP_ROOT": "/base"}
    done = subprocess.run(["sh", "-euc", asking], check=True, capture_output=True, text=True, env=environment)
    assert done.stdout.split() == ["nobody", "nogroup"]
    assert (base / "cellblock-service" / "cgroup.procs").read_text() == "0\n"
    assert (base / "cellblock-service").stat().st_uid == 65534


def test_an_ordinary_user_on_v1_is_told_that_it_cannot_be_handed_over(host):
    host(V1, root=False)
    assert "systemd.unified_cgroup_hierarchy=1" in controller_remedy("pids", None)
    assert "systemd.unified_cgroup_hierarchy=1" in subtree_remedy(v1())
    assert "systemd.unified_cgroup_hierarchy=1" in missing_remedy("pids", v1(pids=Path("/nowhere")))


@pytest.mark.parametrize("root", [True, False])
def test_a_kernel_without_v1s_files_is_not_told_to_boot_with_what_v2_has(host, root):
    top = host(V2_WITHOUT_V1S_FILES, ALL, root=root)
    base = write(top / "base", controllers="")
    assert "echo +memory | tee" in controller_remedy("memory", base)
    assert BOOT not in subtree_remedy(v2(base))
    host(V2_WITHOUT_V1S_FILES, "cpu pids", root=root)
    assert controller_remedy("memory", base).startswith(BOOT)
    assert subtree_remedy(v2(base)).startswith(BOOT)


def test_in_a_container_whose_top_is_no_root_what_it_lacks_may_be_kept_from_it(host):
    top = host(V2_WITHOUT_V1S_FILES, "cpu pids", in_container=True)
    remedy = controller_remedy("memory", top)
    assert remedy.startswith("Delegate=yes in the unit that starts us or our container; or on the host")
    assert remedy.endswith("echo +memory >cgroup.subtree_control")


@pytest.mark.parametrize("in_container", [True, False])
@pytest.mark.parametrize("root", [True, False])
def test_a_kernel_that_was_booted_without_a_controller_is_told_the_argument(host, root, in_container):
    top = host(DISABLED, "cpu pids", root=root, in_container=in_container)
    assert controller_remedy("memory", top).startswith(BOOT)
    host(DISABLED, root=root)
    assert controller_remedy("memory", None).startswith(BOOT)


def test_without_mounts_v2_is_mounted_where_v1_has_nothing(host):
    host(V2)
    assert mount_remedy() == "mount -t cgroup2 none /sys/fs/cgroup"
