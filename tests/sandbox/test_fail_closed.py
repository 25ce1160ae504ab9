"""Where a control cannot be had, strict mode runs nothing and says why; permissive mode runs and says so."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from cellblock.errors import HostError, SandboxError
from cellblock.model import EnforcementMode, IsolationMode, Verdict, VerdictCause
from cellblock.sandbox import cgroup_choice, cgroup_v2, features
from sandbox.cells import Cells, opened, own_uid_range

MARK = "print('this must not run')"


def assert_refused(cells: Cells, *words: str) -> None:
    """Nothing ran, and the answer names what is missing."""
    outcome = cells.run(MARK)
    assert outcome.verdict is Verdict.IE
    assert outcome.stdout == b""
    assert outcome.evidence.verdict_cause is VerdictCause.IE_SUPERVISOR_FAILURE
    assert outcome.evidence.controls_applied == ()
    for word in words:
        assert word in outcome.error_message, outcome.error_message


def take_cgroups_away(monkeypatch):
    monkeypatch.setattr(cgroup_choice, "read_mounts", list)


def take_controller_away(monkeypatch, controller):
    """As on a kernel that was booted without it."""
    mounts = cgroup_choice.read_mounts()
    without = [mount for mount in mounts if mount.filesystem != "cgroup" or controller not in mount.options]
    monkeypatch.setattr(cgroup_choice, "read_mounts", lambda: without)
    write_control = cgroup_v2.write_control

    def write(directory, name, value):
        if value == f"+{controller}":
            raise SandboxError("cgroup_limit", 2, f"{directory / name} = {value}")
        write_control(directory, name, value)

    monkeypatch.setattr(cgroup_v2, "write_control", write)


def take_namespace_away(monkeypatch, name):
    works = features._namespace_works
    monkeypatch.setattr(features, "_namespace_works", lambda asked: asked != name and works(asked))


def take_seccomp_away(monkeypatch, tmp_path, actions=None):
    listed = tmp_path / "actions_avail"
    if actions:
        listed.write_text(actions)
    monkeypatch.setattr(features, "_SECCOMP_ACTIONS", listed)


MISSING = {
    "cgroups": (take_cgroups_away, ["cgroups", "no cgroup file system is mounted"]),
    "memory": (lambda patch: take_controller_away(patch, "memory"), ["memory controller"]),
    "pids": (lambda patch: take_controller_away(patch, "pids"), ["pids controller"]),
    **{
        f"{name} namespace": (
            (lambda patch, name=name: take_namespace_away(patch, name)),
            [f"{name} namespace"],
        )
        for name in ("pid", "mnt", "net", "ipc", "uts", "cgroup")
    },
}


@pytest.mark.parametrize(("take_away", "words"), MISSING.values(), ids=MISSING)
def test_strict_mode_refuses_to_run_and_says_what_is_missing(monkeypatch, time_scale, take_away, words):
    take_away(monkeypatch)
    with opened(time_scale) as cells:
        assert cells.host.enforcement_mode is EnforcementMode.NONE
        assert_refused(cells, *words)
        assert [problem.remedy for problem in cells.host.problems if not problem.remedy] == []


def test_strict_mode_refuses_to_run_without_seccomp(monkeypatch, time_scale, tmp_path):
    take_seccomp_away(monkeypatch, tmp_path)
    with opened(time_scale) as cells:
        assert_refused(cells, "seccomp filter", "not in this kernel")


def test_strict_mode_refuses_to_run_without_the_cell_helper(monkeypatch, time_scale, tmp_path):
    monkeypatch.setattr("cellblock.sandbox.roots.HELPER", tmp_path / "nothing")
    with opened(time_scale) as cells:
        assert_refused(cells, "cell helper", str(tmp_path / "nothing"), "make setup")


PERMISSIVE = {
    "cgroups": (
        take_cgroups_away,
        {"memory_limit", "process_limit"},
    ),
    "memory": (lambda patch: take_controller_away(patch, "memory"), {"memory_limit"}),
    "pids": (lambda patch: take_controller_away(patch, "pids"), {"process_limit"}),
    **{
        f"{name} namespace": (
            (lambda patch, name=name: take_namespace_away(patch, name)),
            {f"{'network' if name == 'net' else name}_namespace"},
        )
        for name in ("net", "ipc", "uts", "cgroup")
    },
}


@pytest.mark.parametrize(("take_away", "missing"), PERMISSIVE.values(), ids=PERMISSIVE)
def test_permissive_mode_runs_and_lists_what_is_missing(monkeypatch, time_scale, take_away, missing):
    take_away(monkeypatch)
    with opened(time_scale, permissive="true") as cells:
        assert cells.host.enforcement_mode is EnforcementMode.DEGRADED
        outcome = cells.run("print(2 + 2)")
    evidence = outcome.evidence
    assert (outcome.verdict, outcome.stdout) == (Verdict.AC, b"4\n"), outcome.error_message
    assert evidence.isolation_mode is IsolationMode.PERMISSIVE
    assert set(evidence.controls_missing) == missing
    assert missing.isdisjoint(evidence.controls_applied)
    assert (evidence.cgroup.memory_limit_bytes is None) == ("memory_limit" in missing)
    assert (evidence.cgroup.process_limit is None) == ("process_limit" in missing)


@pytest.mark.parametrize("name", ["pid", "mnt"])
def test_permissive_mode_makes_no_cell_that_could_not_be_ended_or_saw_the_host(monkeypatch, time_scale, name):
    take_namespace_away(monkeypatch, name)
    with opened(time_scale, permissive="true") as cells:
        assert cells.host.enforcement_mode is EnforcementMode.NONE
        assert_refused(cells, f"{name} namespace", "no cell without pid and mount namespaces")


def test_without_a_uts_namespace_the_host_keeps_its_name(monkeypatch, time_scale):
    take_namespace_away(monkeypatch, "uts")
    before = socket.gethostname()
    with opened(time_scale, permissive="true", cell_hostname="another") as cells:
        assert cells.run("import socket; print(socket.gethostname())").stdout.decode().strip() == before
    assert socket.gethostname() == before


@pytest.mark.parametrize(("take_away", "missing"), PERMISSIVE.values(), ids=PERMISSIVE)
def test_strict_mode_runs_where_exactly_what_is_missing_is_accepted(
    monkeypatch, time_scale, take_away, missing
):
    take_away(monkeypatch)
    with opened(time_scale, accept_missing=",".join(missing)) as cells:
        assert cells.host.problems == ()
        assert cells.host.enforcement_mode is EnforcementMode.DEGRADED
        outcome = cells.run("print(2 + 2)")
    assert (outcome.verdict, outcome.stdout) == (Verdict.AC, b"4\n"), outcome.error_message
    assert outcome.evidence.isolation_mode is IsolationMode.STRICT
    assert set(outcome.evidence.controls_missing) == missing


def test_strict_mode_refuses_what_is_missing_besides_the_accepted(monkeypatch, time_scale):
    take_cgroups_away(monkeypatch)
    with opened(time_scale, accept_missing="memory_limit") as cells:
        assert cells.host.enforcement_mode is EnforcementMode.NONE
        assert_refused(cells, "process_limit")


def test_accepting_a_control_that_there_is_not_is_refused_with_the_names():
    with (
        pytest.raises(HostError, match=r"no control 'memory_limits'; .*memory_limit, process_limit"),
        opened(1, accept_missing="memory_limits"),
    ):
        pass


def test_permissive_mode_without_cgroups_still_ends_what_runs_too_long(monkeypatch, time_scale):
    take_cgroups_away(monkeypatch)
    with opened(time_scale, permissive="true") as cells:
        outcome = cells.run("import os, time\nos.fork()\ntime.sleep(60)", wall_ms=500)
        cells.assert_nothing_is_left()
    assert outcome.verdict is Verdict.TLE
    assert outcome.evidence.cgroup.cpu_usage_usec is None
    assert outcome.evidence.collection_errors


def test_permissive_mode_runs_without_seccomp_and_says_so(monkeypatch, time_scale, tmp_path):
    take_seccomp_away(monkeypatch, tmp_path)
    with opened(time_scale, permissive="true") as cells:
        outcome = cells.run('print(open("/proc/self/status").read().split("Seccomp:")[1].split()[0])')
    assert outcome.stdout == b"0\n"
    assert outcome.evidence.controls_missing == ("seccomp_filter",)


def test_without_notification_a_forbidden_call_ends_by_sigsys_and_is_not_named(
    monkeypatch, time_scale, tmp_path
):
    take_seccomp_away(monkeypatch, tmp_path, actions="kill_process kill_thread errno allow")
    with opened(time_scale) as cells:
        assert cells.host.problems == ()
        outcome = cells.run("import ctypes; ctypes.CDLL(None).ptrace(0, 0, 0, 0)")
    assert (outcome.verdict, outcome.signal) == (Verdict.SIG, 31)
    assert outcome.evidence.seccomp is None


def test_permissive_mode_on_a_host_where_all_holds_is_as_strict_as_strict(time_scale):
    with opened(time_scale, permissive="true") as cells:
        assert cells.host.enforcement_mode is EnforcementMode.STRICT
        outcome = cells.run("print(1)")
    assert outcome.evidence.isolation_mode is IsolationMode.PERMISSIVE
    assert outcome.evidence.controls_missing == ()


# ---- the same on a host that really lacks its cgroups, in a mount namespace of its own ----

HOST_WITHOUT_CGROUPS = """
import asyncio, sys
from cellblock import config
from cellblock.sandbox.host import Host

async def main():
    host = await Host.open(config.load({"uid_range": sys.argv[1], "permissive": sys.argv[2]}, {}))
    print(host.enforcement_mode, [problem.feature for problem in host.problems])
    await host.close()

asyncio.run(main())
"""


@pytest.mark.parametrize("hide", ["mount -t tmpfs none /sys/fs/cgroup", "umount -R /sys/fs/cgroup"])
@pytest.mark.parametrize(("permissive", "mode"), [("false", "none"), ("true", "degraded")])
def test_a_host_without_its_cgroup_mounts_is_noticed(hide, permissive, mode):
    finished = subprocess.run(
        [
            *("unshare", "--mount", "sh", "-c", f'{hide} && exec "$@"', "sh"),
            *(sys.executable, "-c", HOST_WITHOUT_CGROUPS, own_uid_range(), permissive),
        ],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    assert finished.returncode == 0, finished.stderr
    said_mode, _, problems = finished.stdout.partition(" ")
    assert said_mode == mode
    assert "control memory_limit" in problems
    assert "control process_limit" in problems
