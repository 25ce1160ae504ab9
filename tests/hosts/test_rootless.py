"""Without root: cells of an ordinary user in a cgroup that was handed over, on a kernel with cgroup v2."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from cellblock.sandbox.controls import CHECKS
from e2e.instance import scaled_limits
from e2e.test_doctor import FORBIDDING
from hosts import kinds

pytestmark = pytest.mark.vm
ALL = len(CHECKS)
TOOLS = Path("/usr/bin/newuidmap"), Path("/usr/bin/newgidmap")


@pytest.fixture(scope="module", autouse=True)
def _user():
    kinds.make_user()


@pytest.fixture
def group(request):
    """A cgroup of the user's own, handed over and empty."""
    path = kinds.TOP / f"handed-{abs(hash(request.node.name))}"
    kinds.hand_over(path)
    yield path
    kinds.remove(path)


def report(group: Path, *settings: str) -> dict:
    return kinds.report(kinds.as_user(group, *kinds.report_command(*settings)))


def doctor(group: Path, *settings: str) -> tuple[int, dict]:
    return kinds.doctor(kinds.as_user(group, *kinds.DOCTOR, *settings))


def paste(commands: str) -> None:
    subprocess.run(["sh", "-euc", commands], check=True, capture_output=True)


def in_its_place(command: str, *flags: str) -> str:
    """Return a command that starts the service, with a doctor started instead."""
    assert command.count(".venv/bin/cellblock serve") == 1, command
    asking = f".venv/bin/cellblock doctor --json --toolchain-dir /nonexistent {' '.join(flags)}"
    return command.replace(".venv/bin/cellblock serve", asking)


def not_ok(found: dict) -> set[str]:
    return {feature["feature"] for feature in found["features"] if feature["required"] and not feature["ok"]}


def test_with_uids_of_its_own_every_control_holds_and_every_limit_ends_what_it_limits(group):
    kinds.grant_uids(65536)
    found = report(group)
    kinds.keep("v2 rootless", found)
    assert found["mode"] == "strict"
    assert not_ok(found) == set()
    assert kinds.verdicts(found) == kinds.ENDS
    assert found["runs"]["steers"]["stdout"] == kinds.OUT_OF_REACH
    assert found["copied"] == "copied\n"
    assert found["runs"]["filter"]["syscall"] == "ptrace"
    for name, run in found["runs"].items():
        assert run["missing"] == [], name
        assert len(run["applied"]) == ALL
        assert run["left"] == 0


def test_programs_go_on_from_a_booted_interpreter_and_are_held_as_well(group):
    kinds.grant_uids(65536)
    found = report(group, "warm_starts=true", "pool_cells_max=2", "only=ends,filter")
    assert {name: run["verdict"] for name, run in found["runs"].items()} == {"ends": "AC", "filter": "SIG"}
    for run in found["runs"].values():
        assert run["warm"]
        assert run["missing"] == []


def test_with_one_uid_strict_refuses_and_names_the_control_and_what_mends_it(group):
    kinds.grant_uids(0)
    found = report(group)
    assert found["mode"] == "none"
    assert not_ok(found) == {"uids for cells", "control unprivileged_uid"}
    assert kinds.verdicts(found) == {"ends": "IE"}
    assert "unprivileged_uid" in found["runs"]["ends"]["error"]
    remedies = " ".join(feature["remedy"] for feature in found["features"])
    assert (
        f"as root: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {kinds.USER}" in remedies
    )
    assert "--accept-missing unprivileged_uid" in remedies


def test_with_one_uid_accepted_by_name_programs_run_and_every_answer_names_it(group):
    kinds.grant_uids(0)
    found = report(group, "accept_missing=unprivileged_uid")
    kinds.keep("v2 rootless, one uid", found)
    assert found["mode"] == "degraded"
    assert kinds.verdicts(found) == kinds.ENDS
    for run in found["runs"].values():
        assert run["missing"] == ["unprivileged_uid"]
        assert len(run["applied"]) == ALL - 1
    assert found["runs"]["steers"]["stdout"] == kinds.OUT_OF_REACH
    status = dict(
        line.split(":\t", 1) for line in found["runs"]["ends"]["stdout"].splitlines() if ":\t" in line
    )
    assert {status[f"Cap{name}"] for name in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {"0" * 16}


def test_a_whole_host_is_explained_to_a_user_and_nothing_is_missing(group):
    kinds.grant_uids(65536)
    code, found = doctor(group)
    assert (code, kinds.missing(found)) == (0, set())
    assert f"uid {kinds.UID} outside of it" in found["privileges"]["detail"]
    assert "cgroup_v2" in found["cgroups"]["detail"]


def test_accepting_one_control_does_not_accept_another(group):
    kinds.grant_uids(0)
    code, found = doctor(group, "--accept-missing", "memory_limit,process_limit")
    assert code == 1
    assert "control unprivileged_uid" in kinds.missing(found)
    code, found = doctor(group, "--accept-missing", "unprivileged_uid")
    assert (code, kinds.missing(found)) == (0, set())
    assert "accepted as missing" in found["control unprivileged_uid"]["detail"]


def test_without_the_mapping_tools_there_is_one_uid(group):
    kinds.grant_uids(65536)
    for tool in TOOLS:
        tool.chmod(0o644)
    try:
        code, found = doctor(group)
    finally:
        for tool in TOOLS:
            tool.chmod(0o4755)
    assert code == 1
    assert "uids for cells" in kinds.missing(found)
    assert "apt-get install uidmap" in found["uids for cells"]["remedy"]


def test_without_a_cgroup_of_its_own_strict_refuses_and_the_commands_that_are_named_hand_one_over():
    kinds.grant_uids(65536)
    group = kinds.TOP / "not-handed"
    group.mkdir(exist_ok=True)
    code, found = doctor(group)
    assert code == 1
    assert {"cgroups", "control memory_limit", "control process_limit"} <= kinds.missing(found)
    remedy = found["cgroups"]["remedy"]
    assert "Delegate=yes" in remedy
    handed = kinds.TOP / kinds.USER
    try:
        paste(remedy.split("or as root: ")[1].split("; and start")[0])
        code, found = doctor(handed)
        assert (code, kinds.missing(found)) == (0, set())
        assert str(handed) in found["cgroups"]["detail"]
        start = in_its_place(remedy.split("; and start cellblock in it, from its own directory: ")[1])
        code, found = kinds.doctor(["sh", "-euc", start])
        assert (code, kinds.missing(found)) == (0, set())
        assert str(handed) in found["cgroups"]["detail"]
    finally:
        kinds.remove(handed)


def test_a_user_outside_of_his_group_is_told_the_command_that_starts_inside_and_it_does(group):
    """All but a cell's birth works from outside: its parent may not write to what is above both groups."""
    kinds.grant_uids(65536)
    session = kinds.TOP / "session"
    session.mkdir(exist_ok=True)
    code, found = doctor(session, "--cgroup-root", f"/{group.name}")
    assert (code, kinds.missing(found)) == (1, {"cell"})
    assert found["cell"]["detail"].startswith("cell step fork_program failed: Permission denied")
    told = "start cellblock inside its group; as root, from its own directory: "
    assert found["cell"]["remedy"].startswith(told)
    for flags in ((), ("--cgroup-root", f"/{group.name}")):
        start = in_its_place(found["cell"]["remedy"].removeprefix(told), *flags)
        code, mended = kinds.doctor(["sh", "-euc", start])
        assert (code, kinds.missing(mended)) == (0, set())
        assert f"{group}/cellblock/" in mended["cgroups"]["detail"]


@pytest.mark.parametrize("name", ["net", "ipc", "uts", "cgroup"])
def test_a_kind_of_namespace_that_the_machine_does_not_give_a_user_is_told_and_the_command_mends_it(
    group, name
):
    kinds.grant_uids(65536)
    switch = Path(f"/proc/sys/user/max_{name}_namespaces")
    before = switch.read_text()
    switch.write_text("0")
    control = "network_namespace" if name == "net" else f"{name}_namespace"
    try:
        code, found = doctor(group)
        assert (code, kinds.missing(found)) == (1, {f"{name} namespace", f"control {control}"})
        remedy = found[f"{name} namespace"]["remedy"]
        assert remedy == f"as root: sysctl user.max_{name}_namespaces=10000"
        paste(remedy.removeprefix("as root: "))
        code, found = doctor(group)
        assert (code, kinds.missing(found)) == (0, set())
    finally:
        switch.write_text(before)


def test_a_user_in_a_unit_that_covers_parts_of_proc_is_told_its_settings(group):
    kinds.grant_uids(65536)
    covered = ("unshare", "--mount", "sh", "-ec", 'mount --bind /dev/null /proc/interrupts; exec "$@"', "sh")
    code, found = kinds.doctor([*covered, *kinds.as_user(group, *kinds.DOCTOR)])
    assert (code, kinds.missing(found)) == (1, {"cell"})
    assert found["cell"]["remedy"].startswith("ProtectKernelTunables=no and ProtectKernelLogs=no in the unit")
    code, found = doctor(group)
    assert (code, kinds.missing(found)) == (0, set())


def test_the_pages_recipe_hands_a_cgroup_over_that_is_enough_and_can_be_pasted_again():
    kinds.grant_uids(65536)
    lines = kinds.recipe(".venv/bin/cellblock doctor --json --toolchain-dir /nonexistent")
    handed = kinds.TOP / kinds.USER
    try:
        for _ in range(2):
            code, found = kinds.doctor(["sh", "-euc", lines])
            assert (code, kinds.missing(found)) == (0, set())
            assert f"uid {kinds.UID} outside of it" in found["privileges"]["detail"]
            assert str(handed) in found["cgroups"]["detail"]
    finally:
        kinds.remove(handed)


@pytest.mark.parametrize(("controller", "control"), [("memory", "memory_limit"), ("pids", "process_limit")])
def test_a_cgroup_handed_over_without_a_controller_is_told_and_the_command_that_is_named_mends_it(
    controller, control
):
    kinds.grant_uids(65536)
    outer = kinds.TOP / f"without-{controller}"
    group = outer / "handed"
    kinds.hand_over(outer)
    kinds.hand_over(group, controllers=sorted({"memory", "pids"} - {controller}))
    try:
        code, found = doctor(group)
        assert code == 1
        assert {f"{controller} controller", f"control {control}"} <= kinds.missing(found)
        remedy = found[f"{controller} controller"]["remedy"]
        assert remedy.startswith(f"as root: echo +{controller} | tee {outer}/cgroup.subtree_control; or ")
        paste(remedy.removeprefix("as root: ").split("; or ")[0])
        code, found = doctor(group)
        assert (code, kinds.missing(found)) == (0, set())
    finally:
        kinds.remove(outer)


def test_what_a_killed_instance_still_holds_does_not_keep_a_late_controller_out():
    kinds.grant_uids(65536)
    outer = kinds.TOP / "late"
    group = outer / "handed"
    kinds.hand_over(outer)
    kinds.hand_over(group, controllers=["pids"])
    try:
        code, found = doctor(group)
        assert code == 1
        assert "control memory_limit" in kinds.missing(found)
        left = group / "cellblock" / "u999936"
        for each in (left.parent, left, left / "c1"):
            kinds.hand_over(each, controllers=["pids"])
        (outer / "cgroup.subtree_control").write_text("+memory", encoding="ascii")
        code, found = doctor(group)
        assert (code, kinds.missing(found)) == (0, set())
        assert not left.exists()
    finally:
        kinds.remove(outer)


def test_processes_that_come_and_go_in_the_group_meanwhile_do_not_matter(group):
    """As those of an installer, which the parent starts before the supervisor."""
    kinds.grant_uids(65536)
    busy = 'while :; do /bin/true & /bin/true; done & "$@"; code=$?; kill $!; wait; exit $code'
    code, found = kinds.doctor(kinds.as_user(group, "sh", "-c", busy, "sh", *kinds.DOCTOR))
    assert (code, kinds.missing(found)) == (0, set())


@pytest.mark.parametrize(
    ("name", "allowing"), [("user.max_user_namespaces", "10000"), ("kernel.unprivileged_userns_clone", "1")]
)
def test_a_kernel_that_makes_no_user_namespace_is_told_and_the_command_that_is_named_mends_it(
    group, name, allowing
):
    kinds.grant_uids(65536)
    switch = Path("/proc/sys", *name.split("."))
    before = switch.read_text()
    switch.write_text("0")
    try:
        code, found = doctor(group)
        assert code == 1
        named = found["privileges"]["remedy"]
        assert named.startswith(f"sysctl {name}={allowing} ")
        subprocess.run(named.split(" allows")[0], shell=True, check=True, capture_output=True)  # noqa: S602
        code, found = doctor(group)
        assert (code, kinds.missing(found)) == (0, set())
    finally:
        switch.write_text(before)


def test_a_filter_around_a_user_that_forbids_his_namespace_is_told(group):
    kinds.grant_uids(65536)
    python, *arguments = kinds.DOCTOR[len(kinds.PYTHON) - 1 :]
    forbidding = (*kinds.PYTHON, "-c", FORBIDDING, "unshare", python, *arguments)
    code, found = kinds.doctor(kinds.as_user(group, *forbidding))
    assert code == 1
    assert "uid 4321, without a user namespace of its own" in found["privileges"]["detail"]
    assert found["privileges"]["remedy"].startswith(
        "run as root or RestrictNamespaces=no and SystemCallFilter="
    )


def test_the_command_runs_a_program_as_an_ordinary_user(group, time_scale):
    kinds.grant_uids(65536)
    program = Path("/run/program.py")
    program.write_text("print(2 + 2)")
    command = (*kinds.PYTHON, "-m", "cellblock", "run", str(program), "--json")
    command += ("--limits", scaled_limits(time_scale))
    done = subprocess.run(kinds.as_user(group, *command), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert record["stdout"] == "4\n"
    assert record["evidence"]["controls_missing"] == []
    assert record["evidence"]["isolation_mode"] == "strict"
