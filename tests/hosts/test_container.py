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


@pytest.mark.parametrize("capability", container.CAPABILITIES)
def test_a_capability_that_is_taken_away_is_told_and_nothing_runs(run, capability):
    found = run("only=ends,loopback", without=[capability])
    assert isinstance(found, dict), found
    assert found["mode"] == "none"
    told = {feature["feature"]: feature for feature in found["features"] if not feature["ok"]}
    assert capability in told["capabilities"]["detail"]
    assert f"cap_add: [{capability}]" in told["capabilities"]["remedy"]


def test_the_engines_own_filter_would_forbid_cells_and_that_is_told(run, tmp_path):
    forbids = tmp_path / "default.json"
    names = ["mount", "umount2", "pivot_root", "unshare", "setns", "clone3", "open_tree", "move_mount"]
    rule = {"names": names, "action": "SCMP_ACT_ERRNO", "errnoRet": 1}
    forbids.write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]}))
    found = run("only=ends", seccomp=forbids)
    said = found if isinstance(found, str) else json.dumps(found["features"])
    assert "mount" in said or "template_namespaces" in said
