"""Without root: cells of an ordinary user in a cgroup that was handed over, on a kernel with cgroup v2."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from hosts import kinds

pytestmark = pytest.mark.vm
ALL = 22
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


def not_ok(found: dict) -> set[str]:
    return {feature["feature"] for feature in found["features"] if feature["required"] and not feature["ok"]}


def test_with_uids_of_its_own_every_control_holds_and_every_limit_ends_what_it_limits(group):
    kinds.grant_uids(65536)
    found = report(group)
    kinds.keep("v2 rootless", found)
    assert found["mode"] == "strict"
    assert not_ok(found) == set()
    assert kinds.verdicts(found) == kinds.ENDS
    assert found["copied"] == "copied\n"
    assert found["runs"]["filter"]["syscall"] == "ptrace"
    for name, run in found["runs"].items():
        assert run["missing"] == [], name
        assert len(run["applied"]) == ALL
        assert run["left"] == 0


def test_with_one_uid_strict_refuses_and_names_the_control_and_what_mends_it(group):
    kinds.grant_uids(0)
    found = report(group)
    assert found["mode"] == "none"
    assert not_ok(found) == {"uids for cells", "control unprivileged_uid"}
    assert kinds.verdicts(found) == {"ends": "IE"}
    assert "unprivileged_uid" in found["runs"]["ends"]["error"]
    remedies = " ".join(feature["remedy"] for feature in found["features"])
    assert "usermod --add-subuids" in remedies
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
    status = dict(
        line.split(":\t", 1) for line in found["runs"]["ends"]["stdout"].splitlines() if ":\t" in line
    )
    assert {status[f"Cap{name}"] for name in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {"0" * 16}


def test_accepting_one_control_does_not_accept_another(group):
    kinds.grant_uids(0)
    found = report(group, "accept_missing=memory_limit,process_limit")
    assert found["mode"] == "none"
    assert "control unprivileged_uid" in not_ok(found)


def test_without_the_mapping_tools_there_is_one_uid(group):
    kinds.grant_uids(65536)
    for tool in TOOLS:
        tool.chmod(0o644)
    try:
        found = report(group)
    finally:
        for tool in TOOLS:
            tool.chmod(0o4755)
    assert "uids for cells" in not_ok(found)


def test_without_a_cgroup_of_its_own_strict_refuses_and_says_how_to_hand_one_over():
    kinds.grant_uids(65536)
    group = kinds.TOP / "not-handed"
    group.mkdir(exist_ok=True)
    found = kinds.report(kinds.as_user(group, *kinds.report_command()))
    assert found["mode"] == "none"
    assert {"cgroups", "control memory_limit", "control process_limit"} <= not_ok(found)
    remedies = {feature["feature"]: feature["remedy"] for feature in found["features"]}
    assert "Delegate=yes" in remedies["cgroups"]
    assert "cgroup.subtree_control" in remedies["cgroups"]


def test_a_kernel_that_makes_no_user_namespace_is_told_with_the_switch(group):
    kinds.grant_uids(65536)
    switch = Path("/proc/sys/user/max_user_namespaces")
    before = switch.read_text()
    switch.write_text("0")
    try:
        found = report(group)
    finally:
        switch.write_text(before)
    assert found["mode"] == "none"
    remedies = {feature["feature"]: feature["remedy"] for feature in found["features"]}
    assert "sysctl user.max_user_namespaces=10000" in remedies["privileges"]


def test_the_command_runs_a_program_as_an_ordinary_user(group):
    kinds.grant_uids(65536)
    program = Path("/run/program.py")
    program.write_text("print(2 + 2)")
    command = (*kinds.PYTHON, "-m", "cellblock", "run", str(program), "--json")
    done = subprocess.run(kinds.as_user(group, *command), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert record["stdout"] == "4\n"
    assert record["evidence"]["controls_missing"] == []
    assert record["evidence"]["isolation_mode"] == "strict"
