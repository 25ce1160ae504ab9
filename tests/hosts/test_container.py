"""In a container without --privileged: what deploy/compose.yaml gives is enough, and all of it is needed."""

from __future__ import annotations

import json

import pytest

from hosts import container, kinds

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
    assert found["copied"] == "copied\n"
    assert found["runs"]["filter"]["syscall"] == "ptrace"
    for name, one in found["runs"].items():
        assert one["missing"] == [], name
        assert one["left"] == 0


@pytest.fixture
def doctor(tmp_path):
    """Run the doctor in a container; returns its exit code and the findings by feature."""

    def do(**changes):
        directory = tmp_path / f"cellblock-{tmp_path.name}"
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


@pytest.mark.parametrize("call", ["mount", "pivot_root", "clone3", "unshare", "seccomp"])
def test_a_filter_around_the_container_that_forbids_cells_is_told_with_the_setting(doctor, tmp_path, call):
    forbids = tmp_path / "default.json"
    rule = {"names": [call], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}
    forbids.write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]}))
    code, found = doctor(seccomp=forbids)
    assert code == 1
    assert "seccomp:deploy/seccomp.json" in found["cell"]["remedy"]


def test_a_container_whose_cgroups_stay_read_only_is_told_what_it_needs(doctor):
    code, found = doctor(entrypoint=())
    assert code == 1
    assert {"cgroups", "control memory_limit", "control process_limit"} <= kinds.missing(found)
    assert "a writable cgroup mount" in found["cgroups"]["remedy"]
