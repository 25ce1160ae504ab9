"""Whether a filter around the service, as containers have, refuses a call before a cell's own is asked.

The kernel asks each filter of a process, and an error number of one comes before the notification by which a
cell's filter ends a program and names the call. Such a program goes on with the error, which looks as where
nothing but a missing capability refused it. So a process below the same outer filter has a filter of its own
give notice of the call, and makes it: either it is told of it, or the outer filter was first. The call does
nothing in either case, whatever it is.
"""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from functools import cache
from pathlib import Path

import pyseccomp

from cellblock.attacks import proc
from cellblock.attacks.instance import Instance
from cellblock.attacks.manifest import Trial, fill, trials
from cellblock.errors import CellblockError

_REFUSED, _ASKED = 10, 11
"""How a process ends that has found out; any other end is none."""
_WITHIN_S = 60.0
_OF_THE_MACHINE = "pid:[4026531836]"
"""The first namespace of processes, which is no container's."""
_NOT_TOLD = "it was refused unnamed, and not told whether by a filter around the service"
_NOBODY = "0"
_NAMELESS = "unknown:"


def is_filtered(instance: Instance) -> bool:
    """Whether a filter is around all of it; one that its cells have of their own is not."""
    return proc.status(instance.supervisor).get("Seccomp") == "2"


def why_not_told(instance: Instance) -> str:
    """Say why nothing can be learnt of the filter around an instance from here; empty where it can."""
    ours, theirs = proc.status(os.getpid()), proc.status(instance.supervisor)
    count = "Seccomp_filters"
    if count in theirs and ours.get(count) == theirs[count]:
        if os.getpid() in _line_of(instance.supervisor):
            return ""  # it has ours, and no more
        where = _namespace(instance.supervisor)
        if where not in {"", _OF_THE_MACHINE} and where == _namespace(os.getpid()):
            return ""  # all that is started in a container has the container's
    return "it was refused unnamed: try it below the filter that is around the service, in its container"


def may_have_refused(instance: Instance, trial: Trial) -> bool:
    """Whether the filter around an instance refuses the call of an attack, for all that is known of it."""
    return bool(why_not_told(instance)) or refuses(trial) is not False


def why_unknown(instance: Instance, trial: Trial) -> str:
    """Say why it is not known whether it refuses that; empty where it is seen to."""
    return why_not_told(instance) or ("" if refuses(trial) else _NOT_TOLD)


def refuses(trial: Trial) -> bool | None:
    """Say whether a filter around this process refuses the call of an attack; ``None`` if unknown."""
    source = _in_python(trial)
    return _tried(trial.syscall, fill(source, {"VICTIM_PID": _NOBODY})) if source else None


@cache
def _tried(call: str, source: str) -> bool | None:
    command = [sys.executable, "-m", __name__, call, source]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=_WITHIN_S
        )
    except subprocess.TimeoutExpired:
        return None
    return {_REFUSED: True, _ASKED: False}.get(done.returncode)


def _in_python(trial: Trial) -> str:
    """Return the payload that makes the call in Python: the attack's, or another attack's with that call."""
    if trial.language == "python":
        return trial.source
    there = [
        each for each in trials(classes="D") if each.language == "python" and each.syscall == trial.syscall
    ]
    same = (each for each in there if (each.attack.name, each.variant) == (trial.attack.name, trial.variant))
    found = next(same, None) or next(iter(there), None)
    return found.source if found else ""


def _line_of(pid: int) -> list[int]:
    """Return who started a process, and who started that one, up to the first."""
    line: list[int] = []
    while fields := proc.stat(pid):
        pid = int(fields[1])
        line.append(pid)
    return line


def _namespace(pid: int) -> str:
    try:
        return str(Path(f"/proc/{pid}/ns/pid").readlink())
    except OSError:
        return ""


# ---- in a process of its own ----


def _noticing(call: str) -> pyseccomp.SyscallFilter:
    """Return a filter that gives notice of a call, and of each that comes by a foreign entry."""
    name, _, foreign = call.partition(" ")
    number = pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name)
    if number < 0 and not (foreign and name.startswith(_NAMELESS)):
        raise CellblockError(f"this libseccomp knows no call {name}, so it would be made")
    built = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    built.set_attr(pyseccomp.Attr.ACT_BADARCH, pyseccomp.NOTIFY)
    # A listener is there for rules only; where the call has no number here, that of one which nobody makes.
    built.add_rule_exactly(pyseccomp.NOTIFY, number if number >= 0 else "reboot")
    return built


def main(call: str, source: str) -> None:
    """Run a payload until it makes its call; what is told of it ends this process."""
    built = _noticing(call)
    loaded = threading.Event()

    def listen() -> None:
        loaded.wait()
        while True:
            try:
                built.receive_notify()
            except OSError as error:
                if error.errno == errno.EINTR:
                    continue
                raise
            os._exit(_ASKED)

    # Before the filter is loaded: who starts a thread later makes calls that may be meant.
    threading.Thread(target=listen, daemon=True).start()
    built.load()
    loaded.set()
    try:
        exec(compile(source, "payload", "exec"), {"__name__": "__main__"})  # noqa: S102  # ours, from the package
    except SystemExit as ended:
        if ended.code == 0:
            os._exit(_REFUSED)
    os._exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
