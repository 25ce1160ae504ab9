"""`cellblock doctor` as root of a real host, whole and with features taken away one at a time."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from cellblock.sandbox.controls import CHECKS
from cellblock.sandbox.features import _CAPABILITIES

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="features are taken away by root")

AN_ORDINARY_USER = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
V1 = any(
    line.split()[0] == "memory" and line.split()[1] != "0"
    for line in Path("/proc/cgroups").read_text().splitlines()
)


@pytest.fixture
def doctor(tmp_path):
    """Run the command behind ``prefix``; returns its exit code and the findings by feature."""

    def run(*prefix: str, runtime_dir: Path = tmp_path):
        command = [sys.executable, "-m", "cellblock", "doctor", "--json", "--runtime-dir", str(runtime_dir)]
        command += ["--toolchain-dir", str(tmp_path / "none")]  # the languages' self-tests are not the matter
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        done = subprocess.run(
            [*prefix, *command], capture_output=True, text=True, check=False, env=environment
        )
        assert done.returncode in {0, 1}, done.stderr
        return done.returncode, {finding["feature"]: finding for finding in json.loads(done.stdout)}

    return run


FORBIDDING = """
import errno, os, sys
import pyseccomp
filter = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
filter.add_rule(pyseccomp.ERRNO(errno.EPERM), sys.argv[1])
filter.load()
os.execv(sys.argv[2], sys.argv[2:])
"""
"""Runs a command under a filter that refuses one system call, as container engines do."""


def in_own_mounts(script: str) -> tuple[str, ...]:
    """Return a prefix that runs a command after a script, in a mount namespace of its own."""
    return "unshare", "--mount", "sh", "-ec", f'{script}\nexec "$@"', "sh"


def missing(found) -> set[str]:
    return {name for name, finding in found.items() if finding["required"] and not finding["ok"]}


def test_a_whole_host_is_explained_and_nothing_required_is_missing(doctor):
    code, found = doctor()
    assert (code, missing(found)) == (0, set())
    assert os.uname().release in found["kernel"]["detail"]
    assert ("cgroup_v1" if V1 else "cgroup_v2") in found["cgroups"]["detail"]
    assert {f"control {name}" for name in CHECKS} <= set(found)
    assert {"seccomp filter", "seccomp notification", "net namespace", "capabilities", "cell"} <= set(found)


@pytest.fixture
def printed(tmp_path):
    """Run the command behind ``prefix``; returns its exit code and what it prints for people."""

    def run(*prefix: str):
        command = [*prefix, sys.executable, "-m", "cellblock", "doctor", "--runtime-dir", str(tmp_path)]
        command += ["--toolchain-dir", str(tmp_path / "none")]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        return done.returncode, done.stdout

    return run


def test_the_table_for_people_says_the_same(printed):
    code, said = printed()
    assert code == 0
    assert "Everything that is required holds." in said


def test_what_is_printed_for_people_can_be_pasted(printed):
    hide = "umount -R /sys/fs/cgroup"
    code, said = printed(*in_own_mounts(hide))
    assert code == 1
    (line,) = (line for line in said.splitlines() if line.startswith("cgroups: "))
    pasted = line.removeprefix("cgroups: ")
    assert not V1 or len(pasted) > 200, "as wide as the table is where nobody looks on"
    code, said = printed(*in_own_mounts(f"{hide}\n{pasted}"))
    assert (code, "Everything that is required holds." in said) == (0, True)


@pytest.mark.parametrize("capability", _CAPABILITIES)
def test_a_capability_that_is_taken_from_root_is_named_with_what_gives_it(doctor, capability):
    code, found = doctor("setpriv", f"--bounding-set=-{capability.lower()}", "--inh-caps=-all")
    assert code == 1
    assert capability in found["capabilities"]["detail"]
    assert f"cap_add: [{capability}]" in found["capabilities"]["remedy"]


def test_without_cgroup_mounts_the_command_that_is_named_mends_it(doctor):
    hide = "umount -R /sys/fs/cgroup"
    code, found = doctor(*in_own_mounts(hide))
    assert code == 1
    assert {"cgroups", "control memory_limit", "control process_limit"} <= missing(found)
    code, found = doctor(*in_own_mounts(f"{hide}\n{found['cgroups']['remedy']}"))
    assert (code, missing(found)) == (0, set())


TOP = Path("/sys/fs/cgroup")


@pytest.fixture
def group(tmp_path):
    """A cgroup v2 for groups of services; on v1 a name that nothing has."""
    path = TOP / f"doctor-{tmp_path.name}"
    if not V1:
        path.mkdir()
    yield path
    for directory, _, _ in os.walk(path, topdown=False):
        Path(directory).rmdir()


def handing_down(group: Path, controllers: set[str]) -> tuple[str, ...]:
    """Return a prefix that runs a command in a new group, to which only these controllers are handed down."""
    service = group / "-".join(sorted(controllers))
    lines = [f"echo +{name} >{each}/cgroup.subtree_control" for name in controllers for each in (TOP, group)]
    lines += [f"mkdir {service}", f"echo $$ >{service}/cgroup.procs", 'exec unshare --cgroup "$@"']
    remount = f"umount -R {TOP}\nmount -t cgroup2 none {TOP}"
    return "sh", "-ec", "\n".join(lines), "sh", *in_own_mounts(remount)


@pytest.mark.parametrize(("controller", "control"), [("memory", "memory_limit"), ("pids", "process_limit")])
def test_without_a_controller_its_control_is_told_and_what_is_named_mends_it(
    doctor, group, controller, control
):
    hide = f"umount {TOP}/{controller}"
    others = {"memory", "pids"} - {controller}
    code, found = doctor(*(in_own_mounts(hide) if V1 else handing_down(group, others)))
    assert code == 1
    assert {f"{controller} controller", f"control {control}"} <= missing(found), found["cgroups"]
    remedy = found[f"{controller} controller"]["remedy"]
    if not V1:
        assert "Delegate=yes" in remedy
        assert (
            f"in each group above ours, from its {TOP} down: echo +{controller} >cgroup.subtree_control"
            in remedy
        )
    mended = in_own_mounts(f"{hide}\n{remedy}") if V1 else handing_down(group, {*others, controller})
    code, found = doctor(*mended)
    assert (code, missing(found)) == (0, set())


@pytest.mark.parametrize("kind", ["net", "mnt"])  # all of them, really turned: tests/hosts
def test_a_kind_of_namespace_that_seems_switched_off_is_told_with_the_switch(doctor, tmp_path, kind):
    # The switch itself is the whole machine's; here it only looks as if it were turned.
    zero = tmp_path / "zero"
    zero.write_text("0\n")
    seen = f"mount --bind {shlex.quote(str(zero))} /proc/sys/user/max_{kind}_namespaces"
    code, found = doctor(*in_own_mounts(seen))
    assert code == 1
    assert f"sysctl user.max_{kind}_namespaces=" in found[f"{kind} namespace"]["remedy"]


def test_without_seccomp_filters_the_kernel_that_has_them_is_named(doctor, tmp_path):
    empty = tmp_path / "empty"
    empty.touch()
    seen = f"mount --bind {shlex.quote(str(empty))} /proc/sys/kernel/seccomp/actions_avail"
    code, found = doctor(*in_own_mounts(seen))
    assert code == 1
    assert "CONFIG_SECCOMP_FILTER" in found["seccomp filter"]["remedy"]
    assert not found["control seccomp_filter"]["ok"]
    assert found["control seccomp_filter"]["remedy"].startswith("mend seccomp filter, above; ")


def test_without_notification_it_is_told_but_nothing_required_is_missing(doctor, tmp_path):
    actions = Path("/proc/sys/kernel/seccomp/actions_avail").read_text().replace("user_notif ", "")
    file = tmp_path / "actions"
    file.write_text(actions)
    seen = f"mount --bind {shlex.quote(str(file))} /proc/sys/kernel/seccomp/actions_avail"
    code, found = doctor(*in_own_mounts(seen))
    assert (code, missing(found)) == (0, set())
    assert not found["seccomp notification"]["ok"]
    assert found["seccomp notification"]["remedy"] == "boot Linux 5.5 or newer"


@pytest.mark.parametrize("call", ["mount", "clone3", "seccomp"])
def test_a_filter_around_us_that_forbids_cells_is_told_with_the_setting(doctor, call):
    code, found = doctor(sys.executable, "-c", FORBIDDING, call)
    assert code == 1
    assert "cell" in missing(found)
    assert found["cell"]["remedy"].startswith("RestrictNamespaces=no and SystemCallFilter=")
    in_a_container = ("unshare", "--mount", "--pid", "--fork", "--mount-proc")
    code, found = doctor(*in_a_container, sys.executable, "-c", FORBIDDING, call)
    assert code == 1
    assert "--security-opt seccomp=deploy/seccomp.json" in found["cell"]["remedy"]


def test_roots_group_that_is_named_and_not_there_is_made_by_the_command_that_is_named(
    doctor, group, monkeypatch
):
    monkeypatch.setenv("CELLBLOCK_CGROUP_ROOT", f"/{group.name}/named")
    for above in () if V1 else (TOP, group):
        (above / "cgroup.subtree_control").write_text("+memory +pids")
    code, found = doctor()
    assert code == 1
    remedy = found["cgroups"]["remedy"]
    assert remedy.endswith("; CELLBLOCK_CGROUP_ROOT names it")
    assert remedy.startswith(f"mkdir -p {TOP}/")
    try:
        subprocess.run(["sh", "-euc", remedy.split("; ")[0]], check=True)
        code, found = doctor()
        assert (code, missing(found)) == (0, set())
    finally:
        for made in (*TOP.glob(f"*/{group.name}/named"), *TOP.glob(f"*/{group.name}")):
            made.rmdir()


@pytest.fixture
def of_the_user(tmp_path):
    """A runtime directory of an ordinary user's, to which he has the way."""
    path = tmp_path / "of-the-user"
    path.mkdir()
    os.chown(path, 65534, 65534)
    for directory in tmp_path.parents:
        if directory.stat().st_uid == 0 and directory.name.startswith("pytest"):
            directory.chmod(0o711)
    tmp_path.chmod(0o711)
    return path


@pytest.mark.parametrize("in_container", [True, False])
def test_a_user_where_parts_of_proc_are_covered_is_told_the_setting_that_uncovers_them(
    doctor, of_the_user, in_container
):
    cover = "mount --bind /dev/null /proc/interrupts"
    inside = ("unshare", "--mount", "--pid", "--fork", "--mount-proc") if in_container else ()
    _, found = doctor(*inside, *in_own_mounts(cover), *AN_ORDINARY_USER, runtime_dir=of_the_user)
    assert found["cell"]["detail"].startswith("cell step proc_mount failed")
    remedy = found["cell"]["remedy"]
    assert ("systempaths=unconfined" in remedy) == in_container
    assert ("ProtectKernelTunables=no" in remedy) == (not in_container)
    assert "(/proc/interrupts)" in remedy
    _, found = doctor(*inside, *AN_ORDINARY_USER, runtime_dir=of_the_user)
    assert found["cell"]["ok"]


def test_where_switches_of_networks_cannot_be_written_to_the_setting_is_named(doctor, of_the_user):
    read_only = "mount --bind /proc/sys /proc/sys\nmount -o remount,bind,ro /proc/sys"
    _, found = doctor(*in_own_mounts(read_only), *AN_ORDINARY_USER, runtime_dir=of_the_user)
    assert found["socket buffers"]["remedy"] == "ProtectKernelTunables=no in the unit that starts us"


def test_a_user_is_told_the_switch_by_which_the_machine_gives_him_no_networks(doctor, of_the_user, tmp_path):
    # His own namespace shows limits of its own: what holds is what is outside of it.
    zero = tmp_path / "zero"
    zero.write_text("0\n")
    seen = f"mount --bind {shlex.quote(str(zero))} /proc/sys/user/max_net_namespaces"
    _, found = doctor(*in_own_mounts(seen), *AN_ORDINARY_USER, runtime_dir=of_the_user)
    assert found["net namespace"]["remedy"] == "as root: sysctl user.max_net_namespaces=10000"


def test_limits_around_us_that_cells_would_exceed_are_told_as_such_and_not_as_a_filter(doctor):
    without = ("setpriv", "--bounding-set=-sys_resource", "--inh-caps=-all")
    code, found = doctor(*without, "prlimit", f"--stack={4 << 20}")
    assert (code, missing(found)) == (1, {"cell"})
    assert "cell step rlimits failed" in found["cell"]["detail"]
    assert found["cell"]["remedy"].startswith("raise our own hard limits")
    code, found = doctor(*without, "prlimit", f"--stack={8 << 20}")
    assert (code, missing(found)) == (0, set())


def test_an_ordinary_user_without_cgroups_and_uids_is_told_what_gives_them(doctor, of_the_user):
    code, found = doctor(*AN_ORDINARY_USER, runtime_dir=of_the_user)
    assert code == 1
    assert {"cgroups", "uids for cells"} <= missing(found)
    assert "of a user namespace; uid 65534 outside of it" in found["privileges"]["detail"]
    assert "usermod --add-subuids" in found["uids for cells"]["remedy"]
    assert found["uids for cells"]["remedy"].endswith(" nobody")
    expected = "systemd.unified_cgroup_hierarchy=1" if V1 else "Delegate=yes"
    assert expected in found["cgroups"]["remedy"]
