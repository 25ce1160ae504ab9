"""What is named for a step that the kernel refused, by what is around us: a container, a unit, a switch."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from cellblock.errors import SandboxError
from cellblock.sandbox import refusals, surroundings, user_namespace
from cellblock.sandbox.probe import no_cell_report
from cellblock.sandbox.user_namespace import IdMap

WHOLE = IdMap(((0, 0, 2**32 - 1),))
PART = IdMap(((0, 1000, 1), (1, 100_000, 65_536)))
FORBIDDEN = SandboxError("root_overlay", errno.EPERM)
IN_A_CONTAINER = "a seccomp filter or AppArmor profile around us forbids this step: give the container"
PATH_OF_MODULES = os.pathsep.join(path for path in sys.path if path)


def remedy_of(error: SandboxError, tree: SimpleNamespace | None = None) -> str:
    return no_cell_report(error, [], tree).remedy


@pytest.fixture
def around(monkeypatch, tmp_path):
    """Pretend what is around us; nothing at all but what is said."""

    def pretend(*, made_by_us=False, container=False, filtered=False, profile="", id_map=WHOLE, mounts=()):
        monkeypatch.setattr(user_namespace, "_made_by", [4321] if made_by_us else [])
        monkeypatch.setattr(user_namespace, "_SWITCHES", tmp_path)
        own_number = Path("/proc/self/ns/pid").stat().st_ino
        monkeypatch.setattr(surroundings, "_OF_THE_MACHINE", {"pid": own_number + container})
        monkeypatch.setattr(surroundings, "read_id_map", lambda: id_map)
        files = {
            "/proc/thread-self/status": f"Name:\tx\nSeccomp:\t{2 if filtered else 0}\nSeccomp_filters:\t1\n",
            "/proc/thread-self/attr/apparmor/current": profile or "unconfined\n",
            "/proc/self/mountinfo": "".join(f"22 27 0:21 / {path} rw - proc proc rw\n" for path in mounts),
        }
        monkeypatch.setattr(surroundings, "read_kernel_file", files.__getitem__)

    return pretend


def turn(switches: Path, name: str, value: str) -> None:
    path = switches / name.replace(".", "/")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{value}\n")


@pytest.mark.parametrize(
    "error", [FORBIDDEN, SandboxError("seccomp_build"), SandboxError("clone_init", errno.ENOSYS)]
)
def test_who_put_a_filter_around_us_is_told_by_the_namespaces_that_we_are_in(around, error):
    around(container=True)
    assert remedy_of(error).startswith(IN_A_CONTAINER)
    around(filtered=True)
    assert remedy_of(error).startswith("RestrictNamespaces=no and SystemCallFilter= with nothing behind it")
    assert "container" not in remedy_of(error)
    around(profile="judge//cells (enforce)\n")
    assert remedy_of(error).startswith(
        "AppArmorProfile=unconfined in the unit that starts us, or aa-complain"
    )
    around(profile="judge (complain)\n")
    assert remedy_of(error).startswith("dmesg says why")


def test_root_of_a_user_namespace_that_others_made_is_in_a_container(around):
    around(id_map=PART)
    assert surroundings.in_container()
    around(id_map=PART, made_by_us=True)
    assert not surroundings.in_container()


@pytest.mark.parametrize(
    ("flags", "expected"), [((), "False"), (("--pid", "--fork"), "True"), (("--cgroup",), "True")]
)
def test_what_the_kernel_calls_its_own_namespaces_is_no_container(flags, expected):
    command = ["unshare", "--mount", *flags, "--mount-proc", sys.executable, "-c"]
    command += ["from cellblock.sandbox.surroundings import in_container as it; print(it())"]
    if not flags:
        command = command[-3:]
    environment = {**os.environ, "PYTHONPATH": PATH_OF_MODULES}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == expected


def test_a_namespace_that_a_user_has_made_and_that_can_do_nothing_is_told_the_switch(around, tmp_path):
    """As Ubuntu 24.04 has it: newuidmap maps the user's ranges, and then every mount is forbidden."""
    around(made_by_us=True, id_map=PART, filtered=True)
    turn(tmp_path, "kernel.apparmor_restrict_unprivileged_userns", "1")
    for error in (FORBIDDEN, SandboxError("template_namespaces", errno.EACCES)):
        assert remedy_of(error) == "as root: sysctl kernel.apparmor_restrict_unprivileged_userns=0"
    turn(tmp_path, "kernel.apparmor_restrict_unprivileged_userns", "0")
    assert remedy_of(FORBIDDEN).startswith("RestrictNamespaces=no")
    turn(tmp_path, "kernel.apparmor_restrict_unprivileged_userns", "1")
    around(filtered=True)
    assert remedy_of(FORBIDDEN).startswith("RestrictNamespaces=no"), "root's namespace is not made"


def test_a_switch_that_nobody_but_root_may_read_is_not_asked(around, tmp_path):
    around()
    (tmp_path / "user" / "max_user_namespaces").mkdir(parents=True)  # for root, too, cannot be read
    turn(tmp_path, "kernel.unprivileged_userns_clone", "0")
    assert user_namespace.refusing_switch() == "sysctl kernel.unprivileged_userns_clone=1"


def test_who_may_make_no_user_namespace_is_told_the_switch_or_the_setting(around, tmp_path):
    around(filtered=True)
    told = surroundings.what_allows_user_namespaces()
    assert told.startswith("run as root or RestrictNamespaces=no")
    turn(tmp_path, "user.max_user_namespaces", "0")
    told = surroundings.what_allows_user_namespaces()
    assert told == "sysctl user.max_user_namespaces=10000 allows it, or run as root"


COVERED = ("/", "/proc", "/proc/kcore", "/proc/sys", "/proc/sys/fs/binfmt_misc", "/procedures")
REFUSED_PROC = SandboxError("proc_mount", errno.EPERM)


def test_where_parts_of_proc_are_covered_the_setting_of_the_container_is_named(around):
    around(made_by_us=True, id_map=PART, container=True, mounts=COVERED)
    remedy = remedy_of(REFUSED_PROC)
    assert remedy.startswith("start cellblock as the container's root, or give the container security_opt")
    assert "--security-opt systempaths=unconfined; Podman: unmask=ALL" in remedy
    assert "(/proc/kcore, /proc/sys)" in remedy
    around(id_map=PART, mounts=COVERED)
    assert remedy_of(REFUSED_PROC).startswith("give the container security_opt [systempaths=unconfined]")
    around(made_by_us=True, id_map=PART, container=True, mounts=COVERED[-2:])
    assert remedy_of(REFUSED_PROC).startswith(IN_A_CONTAINER), "nothing is covered"
    around(container=True, mounts=COVERED)
    assert remedy_of(REFUSED_PROC).startswith(IN_A_CONTAINER), "the machine's root sees what he mounts"


def test_where_a_unit_covers_parts_of_proc_its_settings_are_named(around):
    around(made_by_us=True, id_map=PART, filtered=True, mounts=COVERED)
    assert remedy_of(REFUSED_PROC).startswith("ProtectKernelTunables=no and ProtectKernelLogs=no in the unit")
    assert remedy_of(FORBIDDEN).startswith("RestrictNamespaces=no"), "another step"


KEPT_OUT = SandboxError("fork_program", errno.EACCES)
V2 = SimpleNamespace(backend="cgroup_v2", bases={"memory": Path("/sys/fs/cgroup/judge")})


def test_a_user_outside_of_his_group_is_told_to_start_inside_of_it(around, monkeypatch):
    around(made_by_us=True, id_map=PART, filtered=True)
    monkeypatch.setattr(refusals, "start_in", lambda base: f"(the command for {base})")
    remedy = remedy_of(KEPT_OUT, V2)
    assert remedy == (
        "start cellblock inside its group; as root, from its own directory: "
        "(the command for /sys/fs/cgroup/judge)"
    )
    assert remedy_of(FORBIDDEN, V2).startswith("RestrictNamespaces=no")
    around(filtered=True)
    assert remedy_of(KEPT_OUT, V2).startswith("RestrictNamespaces=no"), "root is kept out of no group"


def test_too_few_namespaces_are_told_with_the_switches_that_are_low(around, monkeypatch):
    refused = SandboxError("clone_init", errno.ENOSPC)
    limits = {"pid": 96_000, "mnt": 7, "net": 0, "ipc": 96_000, "uts": 96_000, "cgroup": 96_000}
    monkeypatch.setattr(refusals, "namespace_limit", limits.__getitem__)
    around()
    low = "user.max_mnt_namespaces=10000 user.max_net_namespaces=10000"
    assert remedy_of(refused) == f"as root: sysctl {low}"
    limits |= {"mnt": 96_000, "net": 96_000}
    assert remedy_of(refused).startswith("as root: sysctl user.max_pid_namespaces=192000 ")
    limits |= dict.fromkeys(limits, 2**31 - 1)
    monkeypatch.setattr(refusals, "in_container", lambda: True)
    assert remedy_of(refused).startswith("as root of the machine: sysctl user.max_pid_namespaces=100000 ")


def test_too_few_groups_are_told_with_the_files_that_limit_them(around, tmp_path):
    around()
    base = tmp_path / "base"
    base.mkdir()
    (base / "cgroup.max.descendants").write_text("3\n")
    tree = SimpleNamespace(backend="cgroup_v2", bases={"memory": base})
    remedy = remedy_of(SandboxError("cgroup_create", errno.EAGAIN), tree)
    assert remedy == f"echo max | tee {base}/cgroup.max.descendants"
