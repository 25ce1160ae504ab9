"""In a container without --privileged: what deploy/compose.yaml gives is enough, and all of it is needed."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from e2e.instance import patience
from hosts import container, kinds
from pace import TIME_SCALE

pytestmark = pytest.mark.vm


@pytest.fixture
def run(tmp_path):
    """Run the report in a container and return it; where nothing could be reported, what was said."""

    def do(*settings: str, **changes):
        name = f"cellblock-{tmp_path.name}"
        command = (".venv/bin/python", "tests/hosts/report.py", *settings)
        done = container.run(container.bundle(tmp_path / name, command, **changes))
        return json.loads(done.stdout) if done.returncode == 0 else done.stderr

    return do


def test_every_control_holds_and_every_limit_ends_what_it_limits(run):
    found = run()
    assert isinstance(found, dict), found
    kinds.keep("container", found)
    assert found["mode"] == "strict", found["features"]
    assert kinds.verdicts(found) == kinds.ENDS
    assert found["runs"]["steers"]["stdout"] == kinds.OUT_OF_REACH
    assert found["copied"] == "copied\n"
    assert found["runs"]["filter"]["syscall"] == "ptrace"
    for name, one in found["runs"].items():
        assert one["missing"] == [], name
        assert one["left"] == 0


def test_an_operators_first_steps_and_a_restart(tmp_path):
    """Make a key, run what the image runs, send a program, attack: with no rights but compose.yaml's."""
    data = tmp_path / "data"
    data.mkdir()
    volumes = {"/var/lib/cellblock": data, "/var/cache/cellblock": Path(kinds.TOOLCHAINS).parent}
    assert [volume.split(":")[1] for volume in container.SERVICE["volumes"]] == list(volumes)
    steps = (
        *(
            "env",
            f"CELLBLOCK_TEST_TIME_SCALE={TIME_SCALE:g}",
            ".venv/bin/python",
            "tests/hosts/first_steps.py",
        ),
        *(*container.command_of_the_image(), *patience(TIME_SCALE, {})),
    )
    done = container.run(container.bundle(tmp_path / f"cellblock-{tmp_path.name}", steps, volumes=volumes))
    assert done.returncode == 0, done.stderr
    (ran, attacks), again = json.loads(done.stdout)
    assert ran == ["AC", "(3, 13)\n"]
    assert len(attacks) == 4
    assert set(attacks.values()) == {"contained"}, attacks
    assert again == [ran, attacks]


@pytest.fixture
def doctor(tmp_path):
    """Run the doctor in a container; returns its exit code and the findings by feature."""

    def do(**changes):
        directory = tmp_path / f"cellblock-{tmp_path.name}-{len(list(tmp_path.iterdir()))}"
        return kinds.doctor(container.bundle(directory, kinds.DOCTOR, **changes))

    return do


def test_a_whole_container_is_explained_and_nothing_is_missing(doctor):
    code, found = doctor()
    assert (code, kinds.missing(found)) == (0, set())
    assert found["capabilities"]["detail"] == "all that are needed"


@pytest.mark.parametrize("capability", container.CAPABILITIES)
def test_a_capability_that_is_taken_away_is_told_and_nothing_runs(doctor, capability):
    code, found = doctor(without=[capability])
    assert code == 1
    assert capability in found["capabilities"]["detail"]
    assert f"cap_add: [{capability}]" in found["capabilities"]["remedy"]


UNASKED = ("unasked=capabilities", "only=ends,wall,loopback")


def holds(found):
    return found["mode"] == "strict" and all(one["verdict"] != "IE" for one in found["runs"].values())


@pytest.mark.parametrize("capability", container.CAPABILITIES)
def test_each_capability_is_really_needed(run, capability):
    """Where nobody asks for it first, too: some control does not hold, or a program does not run."""
    found = run(*UNASKED, without=[capability])
    assert not isinstance(found, dict) or not holds(found), found


def test_with_all_of_them_nobody_has_to_ask(run):
    found = run(*UNASKED)
    assert isinstance(found, dict), found
    assert holds(found)


@pytest.mark.parametrize("call", ["mount", "pivot_root", "clone3", "unshare", "seccomp"])
def test_a_filter_around_the_container_that_forbids_cells_is_told_with_the_setting(doctor, tmp_path, call):
    forbids = tmp_path / "default.json"
    rule = {"names": [call], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}
    forbids.write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]}))
    code, found = doctor(seccomp=forbids)
    assert code == 1
    assert "--security-opt seccomp=deploy/seccomp.json" in found["cell"]["remedy"]


def test_a_container_whose_cgroups_stay_read_only_is_told_and_the_command_that_is_named_mends_it(doctor):
    code, found = doctor(entrypoint=())
    assert code == 1
    assert {"cgroups", "control memory_limit", "control process_limit"} <= kinds.missing(found)
    remedy = found["cgroups"]["remedy"]
    assert remedy.startswith("mount -o remount,bind,rw,nosuid,nodev,noexec /sys/fs/cgroup;")
    pasted = f'{remedy.split(";")[0]}\nexec "$@"'
    code, found = doctor(entrypoint=("sh", "-euc", pasted, "sh"))
    assert (code, kinds.missing(found)) == (0, set())


IN_A_USER_NAMESPACE = 1_000_000
"""Who a container's root is outside of it, as with an engine that runs without root."""


def test_in_a_user_namespace_masked_paths_may_stay_and_cgroups_are_mended_by_what_is_named(doctor):
    code, found = doctor(first_uid=IN_A_USER_NAMESPACE, entrypoint=())
    assert code == 1
    assert f"uid {IN_A_USER_NAMESPACE} outside of it" in found["privileges"]["detail"]
    assert found["cell"]["ok"], found["cell"]
    remedy = found["cgroups"]["remedy"]
    assert remedy.startswith("mount -o remount,bind,rw,nosuid,nodev,noexec /sys/fs/cgroup;")
    pasted = f'{remedy.split(";")[0]}\nexec "$@"'
    _, found = doctor(first_uid=IN_A_USER_NAMESPACE, entrypoint=("sh", "-euc", pasted, "sh"))
    assert "Read-only file system" not in found["cgroups"]["detail"]
    assert found["control private_proc"]["ok"]


A_HOME = ("env", "HOME=/tmp", "CELLBLOCK_RUNTIME_DIR=/tmp/run")


@pytest.mark.parametrize("first_uid", [0, IN_A_USER_NAMESPACE])
def test_a_user_in_a_container_is_told_what_uncovers_proc_and_who_has_cgroups(doctor, first_uid):
    code, found = doctor(uid=4321, first_uid=first_uid, entrypoint=A_HOME)
    assert code == 1
    assert found["cell"]["detail"].startswith("cell step proc_mount failed")
    assert "--security-opt systempaths=unconfined; Podman: unmask=ALL" in found["cell"]["remedy"]
    assert found["cgroups"]["remedy"].startswith("start cellblock as the container's root")
    _, found = doctor(uid=4321, first_uid=first_uid, entrypoint=A_HOME, masked=False)
    assert found["cell"]["ok"], found["cell"]


LIKE_THE_ENGINES_OWN = """
abi <abi/3.0>,
profile no-mounts flags=(attach_disconnected,mediate_deleted) {
  capability, file, network, unix, signal, ptrace, umount,
  deny mount,
}
"""


def test_apparmor_that_forbids_mounts_is_told_with_the_setting(doctor, tmp_path):
    profile = tmp_path / "no-mounts"
    profile.write_text(LIKE_THE_ENGINES_OWN, encoding="ascii")
    container.load_apparmor(profile)
    # The engine's own way to a writable cgroup is a mount, too.
    code, found = doctor(apparmor="no-mounts", entrypoint=())
    assert code == 1
    assert "apparmor:unconfined" in found["cell"]["remedy"]


def test_every_control_holds_under_our_apparmor_profile(run):
    container.load_our_apparmor()
    found = run(apparmor="cellblock")
    assert isinstance(found, dict), found
    assert found["apparmor"] == "cellblock (enforce)"
    assert found["mode"] == "strict", found["features"]
    assert kinds.verdicts(found) == kinds.ENDS
    assert [name for name, one in found["runs"].items() if one["missing"] or one["left"]] == []


@pytest.fixture
def core_pattern():
    """The kernel's, which stands again afterwards."""
    path = Path("/proc/sys/kernel/core_pattern")
    before = path.read_text(encoding="ascii").strip()
    yield before
    path.write_text(before, encoding="ascii")


SWITCH = "kernel/core_pattern"
DETACHED = f"""
import os
from cellblock.sandbox.detached import mount_detached
proc = mount_detached("proc", {{}})
with open(os.open("sys/{SWITCH}", os.O_WRONLY, dir_fd=proc), "w") as switch: switch.write("taken")
"""
RENAMED = f"""
from pathlib import Path
from cellblock.sandbox.detached import call
OPEN_TREE, MOVE_MOUNT, HERE, CLONE, OF_DESCRIPTOR = 428, 429, -100, 1, 4
call(MOVE_MOUNT, call(OPEN_TREE, HERE, b"/proc/sys/{SWITCH}", CLONE), b"", HERE, b"/tmp/x", OF_DESCRIPTOR)
Path("/tmp/x").write_text("taken")
"""
OPENED = "umount /proc/sys; mkdir /tmp/p; >/tmp/x"
"""No read-only mount is over the switches any more, as SYS_ADMIN can bring it about."""
WAYS = {
    "at its usual place": f"{OPENED}; echo taken >/proc/sys/{SWITCH}",
    "a second proc": f"{OPENED}; mount -t proc p /tmp/p && echo taken >/tmp/p/sys/{SWITCH}",
    "a bind of proc": f"{OPENED}; mount --bind /proc /tmp/p && echo taken >/tmp/p/sys/{SWITCH}",
    "a bind of all of them": f"{OPENED}; mount --bind /proc/sys /tmp/p && echo taken >/tmp/p/{SWITCH}",
    "a bind of itself": f"{OPENED}; mount --bind /proc/sys/{SWITCH} /tmp/x && echo taken >/tmp/x",
    "a proc that is mounted nowhere": f"python -c '{DETACHED}'",
}
"""To write one of the kernel's switches, by SYS_ADMIN."""


@pytest.fixture
def attack(tmp_path):
    """Have a container try; returns what the switch was afterwards, and what was said."""

    def do(way, profile):
        container.load_our_apparmor()
        command = ("sh", "-c", f"({way}) 2>&1")
        bundle = container.bundle(tmp_path / f"cellblock-{tmp_path.name}", command, apparmor=profile)
        said = container.run(bundle).stdout
        return Path("/proc/sys", SWITCH).read_text(encoding="ascii").strip(), said

    return do


@pytest.mark.parametrize("profile", ["cellblock", ""])
@pytest.mark.parametrize("way", WAYS)
def test_our_apparmor_profile_refuses_the_kernels_switches(attack, core_pattern, way, profile):
    """Without it each attack succeeds."""
    value, said = attack(WAYS[way], profile)
    if profile:
        assert value == core_pattern
        assert re.search("ermission denied|mount: .*: bind .* failed", said), said
    else:
        assert value == "taken", said


@pytest.mark.usefixtures("core_pattern")
def test_what_the_page_says_no_profile_can_refuse_is_not_refused(attack):
    value, said = attack(f"{OPENED}; python -c '{RENAMED}'", "cellblock")
    assert value == "taken", said


def test_what_making_cells_needs_is_left_by_our_apparmor_profile(doctor):
    container.load_our_apparmor()
    code, found = doctor(apparmor="cellblock")
    assert (code, kinds.missing(found)) == (0, set())
    assert found["socket buffers"]["ok"], found["socket buffers"]


EVERYTHING = "capability, file, network, unix, mount, umount, pivot_root, signal, ptrace,"


@pytest.mark.parametrize("runtime", ["", "runc", "crun"])
def test_a_container_under_our_profile_ends_when_its_runtime_says_so(tmp_path, runtime):
    """Since AppArmor 4 runtimes have profiles of their own, which are unconfined in all but their name."""
    container.load_our_apparmor()
    if runtime:
        theirs = tmp_path / runtime
        theirs.write_text(
            f"abi <abi/3.0>,\nprofile {runtime} flags=(attach_disconnected) {{ {EVERYTHING} }}\n",
            encoding="ascii",
        )
        container.load_apparmor(theirs)
    name = f"cellblock-{tmp_path.name}"
    command = ("sh", "-c", "trap 'echo ended; exit' TERM; echo begun; while :; do sleep 0.1; done")
    bundle = container.bundle(tmp_path / name, command, apparmor="cellblock")
    with subprocess.Popen(bundle, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True) as running:
        try:
            assert running.stdout.readline() == "begun\n"
            become = f"echo exec {runtime} >/proc/self/attr/exec; " if runtime else ""
            told = ["sh", "-euc", f"{become}exec crun kill {name} TERM"]
            done = subprocess.run(told, capture_output=True, text=True, check=False)
            assert (done.returncode, done.stderr) == (0, "")
            assert running.stdout.readline() == "ended\n"
        finally:
            subprocess.run(["crun", "kill", name, "KILL"], capture_output=True, check=False)
