"""What is named to do where a control does not hold, or no cell can be made."""

from __future__ import annotations

import errno

import pytest

from cellblock.errors import CellblockError, HostError, SandboxError
from cellblock.model import Remedy
from cellblock.sandbox.controls import CHECKS
from cellblock.sandbox.probe import cell_report, no_cell_report

WELL = Remedy(feature="overlayfs", ok=True, detail="there")
NO_MEMORY = Remedy(feature="memory controller", ok=False, detail="none", remedy="a command")
NO_NODES = Remedy(feature="device nodes", ok=False, detail="none", remedy="another", required=False)
OLD = Remedy(feature="kernel", ok=False, detail="Linux 5.4", remedy="boot Linux 5.12 or newer")
LOOK_CLOSER = "dmesg says why, where it says more; "


def remedy_of(control: str, *above: Remedy) -> str:
    report = cell_report(set(CHECKS) - {control}, above)
    (found,) = (each for each in report if not each.ok)
    assert found.feature == f"control {control}"
    return found.remedy


def test_a_control_is_mended_by_the_feature_that_it_needs_and_only_then_done_without():
    instead = "; --accept-missing memory_limit runs without it"
    assert remedy_of("memory_limit", WELL, NO_MEMORY, NO_NODES) == f"mend memory controller, above{instead}"
    assert remedy_of("memory_limit", OLD, NO_MEMORY) == f"mend kernel, memory controller, above{instead}"


def test_a_control_that_no_missing_feature_explains_is_told_where_to_look():
    remedy = remedy_of("uts_namespace", WELL, NO_MEMORY, NO_NODES)
    assert remedy.startswith(LOOK_CLOSER)
    assert remedy.endswith("; --accept-missing uts_namespace runs without it")
    assert remedy_of("private_proc", OLD).startswith("mend kernel, above;")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (SandboxError("rlimits", errno.EPERM), "raise our own hard limits"),
        (SandboxError("clone_init", errno.EAGAIN), "TasksMax=infinity and LimitNPROC=infinity in the unit"),
        (SandboxError("clone_init", errno.ENOSPC), "as root: sysctl user.max_pid_namespaces="),
        (SandboxError("root_overlay", errno.ENOSPC), "as root: sysctl fs.mount-max=1000000"),
        (SandboxError("clone_init", errno.ENFILE), "as root: sysctl fs.file-max="),
        (SandboxError("work_area_tmpfs", errno.ENOMEM), "MemoryMax=infinity in the unit"),
        (SandboxError("proc_mount", errno.EINVAL), LOOK_CLOSER),
        (HostError("cannot run the cell helper: not found; run: make setup"), "run: make setup"),
    ],
)
def test_a_step_that_fails_on_a_host_that_lacks_nothing_is_told_what_to_do(error: CellblockError, expected):
    alone = no_cell_report(error, [WELL, NO_NODES], None)
    assert (alone.ok, alone.detail) == (False, str(error))
    assert alone.remedy.startswith(expected)
    beside = no_cell_report(error, [WELL, OLD, NO_MEMORY], None).remedy
    then = "" if expected == LOOK_CLOSER else f"; if it still fails, {expected}"
    assert beside.startswith(f"mend kernel, memory controller, above{then}")


def test_a_host_without_what_every_cell_needs_is_told_that_alone():
    lacks = Remedy(feature="overlayfs", ok=False, detail="not in this kernel", remedy="modprobe overlay")
    remedy = no_cell_report(HostError("there is no cell without overlayfs"), [lacks], None).remedy
    assert remedy == "mend overlayfs, above"
