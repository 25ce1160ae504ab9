"""As root on cgroup v2, and with features of the host taken away one at a time: what holds, what is told."""

from __future__ import annotations

import subprocess

import pytest

from hosts import kinds

pytestmark = pytest.mark.vm

SWITCHES = {
    "net": {"net namespace", "control network_namespace"},
    "ipc": {"ipc namespace", "control ipc_namespace"},
    "uts": {"uts namespace", "control uts_namespace"},
    "cgroup": {"cgroup namespace", "control cgroup_namespace"},
    "pid": {"pid namespace", "cell"},
    "mnt": {"mnt namespace", "cell"},
}


def not_ok(found):
    return {feature["feature"] for feature in found["features"] if feature["required"] and not feature["ok"]}


def sysctl(name, value):
    return subprocess.run(
        ["sysctl", "-n", "-w", f"{name}={value}"], capture_output=True, text=True, check=True
    )


def test_every_control_holds_and_every_limit_ends_what_it_limits():
    found = kinds.report(kinds.report_command())
    kinds.keep("v2 root", found)
    assert found["mode"] == "strict"
    assert found["backend"] == "cgroup_v2"
    assert not_ok(found) == set()
    assert kinds.verdicts(found) == kinds.ENDS
    assert found["runs"]["steers"]["stdout"] == kinds.OUT_OF_REACH
    assert found["copied"] == "copied\n"


@pytest.mark.parametrize(("name", "expected"), SWITCHES.items(), ids=SWITCHES)
def test_a_kind_of_namespace_that_is_switched_off_is_told_and_the_command_that_is_named_mends_it(
    name, expected
):
    switch = f"user.max_{name}_namespaces"
    before = subprocess.run(
        ["sysctl", "-n", switch], capture_output=True, text=True, check=True
    ).stdout.strip()
    sysctl(switch, 0)
    try:
        code, found = kinds.doctor(kinds.DOCTOR)
        assert (code, kinds.missing(found)) == (1, expected)
        named = found[f"{name} namespace"]["remedy"].split(",")[0]
        assert named.startswith(f"sysctl {switch}=")
        subprocess.run(named, shell=True, check=True, capture_output=True)  # noqa: S602  # pasted, as one does
        code, found = kinds.doctor(kinds.DOCTOR)
        assert (code, kinds.missing(found)) == (0, set())
    finally:
        sysctl(switch, before)


@pytest.mark.parametrize("name", ["net", "ipc", "uts", "cgroup"])
def test_permissive_mode_runs_on_a_kernel_without_a_kind_of_namespace_and_names_it(name):
    switch = f"user.max_{name}_namespaces"
    before = subprocess.run(
        ["sysctl", "-n", switch], capture_output=True, text=True, check=True
    ).stdout.strip()
    sysctl(switch, 0)
    try:
        found = kinds.report(kinds.report_command("only=ends", "permissive=true"))
    finally:
        sysctl(switch, before)
    assert found["mode"] == "degraded"
    assert kinds.verdicts(found) == {"ends": "AC"}
    assert found["runs"]["ends"]["missing"] == [f"{'network' if name == 'net' else name}_namespace"]
