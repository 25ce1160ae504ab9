"""A probe that went well does not vouch for the next cell: each control is read back of each program."""

from __future__ import annotations

import os
import re

import pytest

from cellblock.model import EnforcementMode, Verdict
from cellblock.sandbox import cell as cell_module
from cellblock.sandbox import controls, wire
from sandbox.cells import opened
from sandbox.test_fail_closed import assert_refused


def tampered_request(**changes):
    """Have the helper set up something else than the specification says."""
    encode = wire.encode_request
    return lambda **fields: encode(
        **{**fields, **{name: change(fields[name]) for name, change in changes.items()}}
    )


TAMPERED = {
    "file_size_limit": {"rlimits": lambda limits: [limit for limit in limits if limit[0] != 1]},
    "open_files_limit": {
        "rlimits": lambda limits: [(n, s + 1, h + 1) if n == 7 else (n, s, h) for n, s, h in limits]
    },
    "stack_limit": {"rlimits": lambda limits: [limit for limit in limits if limit[0] != 3]},
    "work_area_limit": {"work_area_bytes": lambda size: size * 2},
    "work_area_limit inodes": {"work_area_inodes": lambda count: count + 1},
    "seccomp_filter": {"features": lambda bits: bits & ~(wire.FEATURE_SECCOMP | wire.FEATURE_SECCOMP_NOTIFY)},
    "cgroup_namespace": {"features": lambda bits: bits & ~wire.FEATURE_CGROUP_NS},
    "unprivileged_uid": {"program_uid": lambda uid: uid + 2},
    "no_core_dumps": {"rlimits": lambda limits: [(n, 9, 9) if n == 4 else (n, s, h) for n, s, h in limits]},
    "no_locked_memory": {"rlimits": lambda limits: [limit for limit in limits if limit[0] != 8]},
}


@pytest.mark.parametrize(("control", "changes"), TAMPERED.items(), ids=TAMPERED)
def test_a_cell_whose_control_does_not_hold_runs_nothing(monkeypatch, time_scale, control, changes):
    with opened(time_scale) as cells:
        monkeypatch.setattr(cell_module.wire, "encode_request", tampered_request(**changes))
        if control == "seccomp_filter":  # its listener is missed before anything is read back
            assert_refused(cells, "protocol", "no reason to say")
        else:
            assert_refused(cells, control.split()[0], "nothing was run")
        monkeypatch.undo()
        cells.assert_nothing_is_left()
        cells.assert_next_run_works()


def test_a_cell_whose_cgroup_has_another_limit_runs_nothing(monkeypatch, time_scale):
    with opened(time_scale) as cells:
        create = cells.host._tree.create_cell
        monkeypatch.setattr(
            cells.host._tree,
            "create_cell",
            lambda name, memory, processes, **more: create(name, memory * 2, processes + 1, **more),
        )
        assert_refused(cells, "memory_limit, process_limit", "nothing was run")


NAMESPACES = {control: name for name, control in controls.NAMESPACES.items()}

SAID_OTHERWISE = {
    "pid_namespace: init itself": ("status", r"(NSpid:.*\t)2\n", r"\g<1>1\n"),
    "no_new_privileges": ("status", "NoNewPrivs:\t1", "NoNewPrivs:\t0"),
    **{
        f"capabilities_dropped: {name}": ("status", f"Cap{name}:\t0", f"Cap{name}:\t1")
        for name in ("Inh", "Prm", "Eff", "Bnd", "Amb")
    },
    "seccomp_filter: of others alone": ("status", "Seccomp_filters:\t1", "Seccomp_filters:\t0"),
    "seccomp_filter: no mode": ("status", "Seccomp:\t2", "Seccomp:\t0"),
    "unprivileged_uid: a group": ("status", "Groups:\t", "Groups:\t0"),
    "read_only_root": ("mountinfo", r"(/ /) ro(\S* - overlay overlay) ro", r"\1 rw\2 rw"),
    "read_only_root: a directory": ("mountinfo", r"(/usr) ro(\S* - overlay overlay) ro", r"\1 rw\2 rw"),
    "read_only_root: devices": ("mountinfo", "(/ /) ro,nosuid,nodev", r"\1 ro,nosuid"),
    "overlay_root": ("mountinfo", r"(/usr ro\S*) - overlay overlay", r"\1 - ext4 /dev/vda"),
    "noexec_tmp": ("mountinfo", r"(/tmp \S*),noexec", r"\1"),
    "noexec_tmp: shared memory": ("mountinfo", r"(/dev/shm \S*),noexec", r"\1"),
    "private_proc": ("mountinfo", ",subset=pid", ""),
    "private_proc: others": ("mountinfo", "hidepid=invisible", "hidepid=off"),
    "no_sysfs": ("mountinfo", r"\Z", "900 1 0:9 / /sys ro - sysfs sysfs ro\n"),
    **{f"{control}: ours": ("ns", name, "") for control, name in NAMESPACES.items()},
}
"""By control: of which file the kernel's words are changed as if it did not hold, and how."""


def test_each_control_is_seen_not_to_hold():
    by_test = {name.split(":")[0].split()[0] for name in (*TAMPERED, *SAID_OTHERWISE)}
    assert by_test | {"memory_limit", "process_limit"} == set(controls.CHECKS)


@pytest.mark.parametrize(("control", "change"), SAID_OTHERWISE.items(), ids=SAID_OTHERWISE)
def test_a_cell_of_which_the_kernel_says_that_a_control_does_not_hold_runs_nothing(
    monkeypatch, time_scale, control, change
):
    """The kernel's words, but for what is said of one control."""
    name, said, instead = change
    read, namespaces, changed = controls.read_kernel_file, controls.read_namespaces, []

    def read_otherwise(path: str) -> str:
        text = read(path)
        if not path.endswith(f"/{name}") or path.startswith("/proc/self/"):
            return text
        otherwise, times = re.subn(said, instead, text)
        changed.append(times)
        return otherwise

    def namespaces_otherwise(pid: int) -> dict[str, str]:
        changed.append(1)
        return {**namespaces(pid), said: namespaces(os.getpid())[said]}

    with opened(time_scale) as cells:
        if name == "ns":
            monkeypatch.setattr(controls, "read_namespaces", namespaces_otherwise)
        else:
            monkeypatch.setattr(controls, "read_kernel_file", read_otherwise)
        assert_refused(cells, control.split(":")[0], "nothing was run")
        assert changed
        assert all(changed)
        monkeypatch.undo()
        cells.assert_nothing_is_left()
        cells.assert_next_run_works()


def test_a_cell_that_lacks_more_than_is_accepted_runs_nothing(monkeypatch, time_scale):
    with opened(time_scale, accept_missing="file_size_limit") as cells:
        assert cells.host.enforcement_mode is EnforcementMode.STRICT
        monkeypatch.setattr(cell_module.wire, "encode_request", tampered_request(**TAMPERED["stack_limit"]))
        assert_refused(cells, "stack_limit", "nothing was run")


def test_permissive_mode_runs_a_cell_whose_control_does_not_hold_and_lists_it(monkeypatch, time_scale):
    with opened(time_scale, permissive="true") as cells:
        monkeypatch.setattr(cell_module.wire, "encode_request", tampered_request(**TAMPERED["stack_limit"]))
        outcome = cells.run("print(1)")
    assert outcome.verdict is Verdict.AC
    assert outcome.evidence.controls_missing == ("stack_limit",)
