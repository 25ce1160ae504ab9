"""The look at a confined program, held by its pidfd: what is read counts only of that very process."""

from __future__ import annotations

from cellblock.errors import CellLostError, SandboxError
from cellblock.sandbox.alive import is_alive
from cellblock.sandbox.cgroups import CellCgroup
from cellblock.sandbox.controls import Controls, Meant, judge_controls, take_snapshot
from cellblock.sandbox.kernel_files import read_kernel_file

_STEP = "read_back"


def read_back(pidfd: int, cgroup: CellCgroup | None, meant: Meant) -> Controls:
    """Read which controls hold; raises ``SandboxError``, ``CellLostError`` of a program that was ended.

    A process that ends has left its namespaces, so what cannot be seen of it says nothing of the cell.
    """
    try:
        pid = _pid_of(pidfd)
        controls = judge_controls(take_snapshot(pid, cgroup, meant))
        _pid_of(pidfd)  # still there: what was read under its number was not another's
    except OSError as error:
        if not lives(pidfd):
            raise _lost(str(error)) from error
        raise SandboxError(_STEP, error.errno or 0, str(error)) from error
    if controls.missing and not lives(pidfd):
        raise _lost(f"nothing to be seen of {', '.join(controls.missing)}")
    return controls


def lives(pidfd: int) -> bool:
    """Say whether the process is seen not to have begun to end."""
    try:
        alive = is_alive(_pid_of(pidfd))
        _pid_of(pidfd)  # as above
    except OSError:
        return False
    return alive


def _pid_of(pidfd: int) -> int:
    """Return the process's pid in our own pid namespace; raises ``OSError`` where it has none any more."""
    for line in read_kernel_file(f"/proc/self/fdinfo/{pidfd}").splitlines():
        if line.startswith("Pid:"):
            pid = int(line.removeprefix("Pid:"))
            if pid > 0:
                return pid
    raise ProcessLookupError(f"no process at pidfd {pidfd}")


def _lost(what: str) -> CellLostError:
    return CellLostError(_STEP, detail=f"the program ended while it was looked at: {what}")
