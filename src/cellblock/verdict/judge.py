"""The verdict of a run, from recorded facts alone.

The rules stand in order of precedence; the first that holds decides. Nothing here reads a clock,
a file or a process, so a verdict can be computed again from the facts that its evidence keeps.
"""

from __future__ import annotations

from msgspec import Struct

from cellblock.model import CellFacts, Stage, Verdict, VerdictActor, VerdictCause

SIGKILL = 9
SIGXCPU = 24
SIGXFSZ = 25
"""Linux numbers, the same on x86_64 and aarch64; the signal module would be input from the host."""

LIMIT_BREACH_SHARE = 0.99
"""A SIGKILL that nobody here sent, with the peak this near the limit, is taken for the memory limit's."""

KILLED_FOR_CPU = "cpu_limit"
KILLED_FOR_WALL = "wall_limit"
KILLED_FOR_SOCKETS = "socket_limit"
KILLED_BY_FILTER = "seccomp"

_KILLED_FOR_A_LIMIT = {KILLED_FOR_CPU, KILLED_FOR_WALL, KILLED_FOR_SOCKETS}


class Judgement(Struct, frozen=True):
    """What happened, which fact says so, and who ended the run."""

    verdict: Verdict
    cause: VerdictCause
    actor: VerdictActor


_V, _C, _A = Verdict, VerdictCause, VerdictActor


def judge(facts: CellFacts) -> Judgement:
    """Return the verdict on ``facts``, by the precedence of contract 1.4."""
    if not facts.contained:
        return Judgement(_V.IE, _C.IE_CLEANUP_FAILURE, _A.JUDGE)
    if missing_evidence(facts):
        return Judgement(_V.IE, _C.IE_MISSING_EVIDENCE, _A.JUDGE)
    if facts.killed_by_judge == KILLED_FOR_CPU:
        return Judgement(_V.TLE, _C.TLE_CPU_JUDGE, _A.JUDGE)
    if facts.killed_by_judge == KILLED_FOR_WALL:
        return Judgement(_V.TLE, _C.TLE_WALL_JUDGE, _A.JUDGE)
    if facts.killed_by_judge == KILLED_FOR_SOCKETS:
        return Judgement(_V.MLE, _C.MLE_LIMIT_BREACH, _A.JUDGE)
    if facts.oom_kill_events:
        return Judgement(_V.MLE, _C.MLE_KERNEL_OOM, _A.KERNEL)
    return _judge_ending(facts)


def _judge_ending(facts: CellFacts) -> Judgement:
    """Judge a run that no limit of time or memory ended, by how the program itself ended.

    A compiler that fails by anything but a limit is a compile error of the submission.
    """
    if facts.killed_by_judge == KILLED_BY_FILTER:
        return Judgement(_V.SIG, _C.RE_FATAL_SIGNAL, _A.JUDGE)
    if facts.signal == SIGXCPU or _failed_beyond_cpu_limit(facts):
        return Judgement(_V.TLE, _C.TLE_CPU_KERNEL, _A.KERNEL)
    if facts.signal == SIGXFSZ:
        return Judgement(_V.FSE, _C.FSE_LIMIT_EXCEEDED, _A.KERNEL)
    if facts.pids_limit_events and _failed(facts):
        return Judgement(_V.PLE, _C.PLE_CGROUP_PIDS, _A.KERNEL)
    if facts.signal == SIGKILL and _at_memory_limit(facts):
        return Judgement(_V.MLE, _C.MLE_LIMIT_BREACH, _A.KERNEL)
    if facts.stage is Stage.COMPILE and (_failed(facts) or facts.artifact_error):
        return Judgement(_V.RE, _C.RE_COMPILE_ERROR, _A.RUNTIME)
    if facts.signal is not None:
        return Judgement(_V.SIG, _C.RE_FATAL_SIGNAL, _A.KERNEL)
    if facts.exit_code == 0:
        return Judgement(_V.AC, _C.NORMAL_EXIT, _A.RUNTIME)
    return Judgement(_V.RE, _C.RE_NONZERO_EXIT, _A.RUNTIME)


def missing_evidence(facts: CellFacts) -> tuple[str, ...]:
    """Name the facts that the verdict turns on and that could not be read; empty when it can be given.

    Where one rule decides, what only later rules look at is not needed.
    """
    missing = []
    if facts.killed_by_judge in _KILLED_FOR_A_LIMIT or facts.oom_kill_events:
        return ()
    if facts.oom_kill_events is None and facts.memory_limit_bytes is not None:
        missing.append("oom_kill_events")
    if facts.killed_by_judge == KILLED_BY_FILTER or facts.signal in {SIGXCPU, SIGXFSZ}:
        return tuple(missing)
    if facts.exit_code is None and facts.signal is None:
        return (*missing, "how the program ended")
    if _failed_beyond_cpu_limit(facts):
        return tuple(missing)
    if facts.pids_limit_events is None and facts.process_limit is not None and _failed(facts):
        missing.append("pids_limit_events")
    if facts.signal == SIGKILL and not facts.pids_limit_events and _peak_is_unknown(facts):
        missing.append("memory_peak_bytes")
    return tuple(missing)


def _peak_is_unknown(facts: CellFacts) -> bool:
    return facts.memory_limit_bytes is not None and facts.memory_peak_bytes is None


def _failed(facts: CellFacts) -> bool:
    return facts.signal is not None or facts.exit_code != 0


def _failed_beyond_cpu_limit(facts: CellFacts) -> bool:
    """Say whether the kernel's own limit, which each process has, may have decided how the program ended.

    It comes first where the judge looks late, on a host that is too busy: SIGKILL for who is deaf to
    SIGXCPU; and where it was a child's end, such as a compiler's own, the program tells by its exit code.
    """
    used = facts.cpu_usage_usec
    return _failed(facts) and used is not None and used >= facts.cpu_limit_usec


def _at_memory_limit(facts: CellFacts) -> bool:
    if facts.memory_limit_bytes is None or facts.memory_peak_bytes is None:
        return False
    return facts.memory_peak_bytes >= LIMIT_BREACH_SHARE * facts.memory_limit_bytes
