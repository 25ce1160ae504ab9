"""From what was observed to what is answered: facts, verdict, evidence. No input or output."""

from __future__ import annotations

import os

from msgspec import Struct

from cellblock.engine.output import OutputStream
from cellblock.engine.watch import Observed
from cellblock.model import (
    CellFacts,
    CgroupEvidence,
    Evidence,
    IsolationMode,
    LifecycleEvidence,
    Limits,
    Outcome,
    OutputIntegrity,
    SeccompEvent,
    TimingEvidence,
    Verdict,
)
from cellblock.sandbox.cell import Cell
from cellblock.sandbox.cgroups import Counters
from cellblock.sandbox.controls import Controls
from cellblock.sandbox.seccomp import arch_name, syscall_name
from cellblock.verdict.judge import SIGKILL, judge, missing_evidence

_CLOSED_EARLY_NS = 100_000_000
"""A stream that ended this long before its program was closed by it; less is the program's own exit."""

_BLOCK_BOUND_RATIO = 0.2

_NO_COUNTERS = Counters(
    cpu_usage_usec=None,
    memory_peak_bytes=None,
    oom_events=None,
    oom_kill_events=None,
    pids_limit_events=None,
    process_count=None,
    errors=("no cgroup: nothing was counted",),
)


class RunContext(Struct, frozen=True, kw_only=True):
    """What the evidence says besides what was observed."""

    isolation_mode: IsolationMode
    language_version: str | None
    node_id: str
    limits: Limits


def conclude(cell: Cell, observed: Observed, context: RunContext) -> Outcome:
    """Return the outcome of a run whose cell has been closed."""
    stdout, stderr = observed.stdout.content, observed.stderr.content
    facts = _facts(cell, observed)
    judgement = judge(facts)
    evidence = Evidence(
        verdict_cause=judgement.cause,
        verdict_actor=judgement.actor,
        isolation_mode=context.isolation_mode,
        controls_applied=_controls(cell).applied,
        controls_missing=_controls(cell).missing,
        cgroup=_cgroup(cell, observed),
        timing=_timing(observed),
        process_lifecycle=_lifecycle(cell, observed),
        judge_actions=observed.actions,
        collection_errors=facts.collection_errors,
        language_version=context.language_version,
        limits=context.limits,
        seccomp=_seccomp(cell),
        facts=facts,
        node_id=context.node_id,
    )
    return Outcome(
        verdict=judgement.verdict,
        exit_code=facts.exit_code,
        signal=facts.signal,
        stdout=stdout,
        stderr=stderr,
        output_integrity=_integrity(observed, facts, stdout),
        error_message=_error_message(judgement.verdict, facts),
        wall_time_ns=observed.wall_ns,
        evidence=evidence,
    )


def _facts(cell: Cell, observed: Observed) -> CellFacts:
    counters = observed.counters or _NO_COUNTERS
    exit_code, signal = _ending(cell, observed)
    streams = (("stdout", observed.stdout), ("stderr", observed.stderr))
    stream_errors = tuple(f"{name}: {stream.error}" for name, stream in streams if stream.error)
    return CellFacts(
        exit_code=exit_code,
        signal=signal,
        killed_by_judge=observed.killed_for,
        oom_kill_events=counters.oom_kill_events,
        pids_limit_events=counters.pids_limit_events,
        memory_peak_bytes=counters.memory_peak_bytes,
        memory_limit_bytes=_controls(cell).memory_limit_bytes,
        process_limit=_controls(cell).process_limit,
        contained=bool(cell.contained) and not counters.process_count,
        collection_errors=(*counters.errors, *stream_errors),
    )


def _ending(cell: Cell, observed: Observed) -> tuple[int | None, int | None]:
    """Return exit code and signal: init's word where the program ended, SIGKILL where we ended it."""
    if observed.killed_for:
        return None, SIGKILL
    if cell.exited is None:
        return None, None
    status = cell.exited.wait_status
    if os.WIFSIGNALED(status):
        return None, os.WTERMSIG(status)
    return os.WEXITSTATUS(status), None


def _controls(cell: Cell) -> Controls:
    return cell.controls or Controls(applied=(), missing=(), memory_limit_bytes=None, process_limit=None)


def _cgroup(cell: Cell, observed: Observed) -> CgroupEvidence:
    counters = observed.counters or _NO_COUNTERS
    return CgroupEvidence(
        cpu_usage_usec=observed.cpu_usage_usec,
        memory_limit_bytes=_controls(cell).memory_limit_bytes,
        memory_peak_bytes=counters.memory_peak_bytes,
        oom_events=counters.oom_events,
        oom_kill_events=counters.oom_kill_events,
        process_count=counters.process_count,
        process_limit=_controls(cell).process_limit,
    )


def _timing(observed: Observed) -> TimingEvidence:
    wall_ms = round(observed.wall_ns / 1_000_000)
    if observed.cpu_usage_usec is None:
        return TimingEvidence(cpu_ms=None, wall_ms=wall_ms, cpu_wall_ratio=None, divergence=None)
    cpu_ms = round(observed.cpu_usage_usec / 1000)
    ratio = round(cpu_ms / wall_ms, 2) if wall_ms else 0.0
    divergence = "sleep_or_block_bound" if ratio <= _BLOCK_BOUND_RATIO else "cpu_bound"
    return TimingEvidence(cpu_ms=cpu_ms, wall_ms=wall_ms, cpu_wall_ratio=ratio, divergence=divergence)


def _lifecycle(cell: Cell, observed: Observed) -> LifecycleEvidence:
    process_count = observed.counters.process_count if observed.counters else None
    reap_status = None
    if observed.descendants is not None:
        reap_status = f"reaped_{observed.descendants}_descendants" if observed.descendants else "clean"
    return LifecycleEvidence(
        reap_status=reap_status,
        descendant_containment="ok" if cell.contained and not process_count else "failed",
        # After everything was killed, whatever the pids controller still counts is a task nobody reaped.
        zombie_count=process_count,
    )


def _seccomp(cell: Cell) -> SeccompEvent | None:
    event = cell.stopped_by_filter
    if event is None:
        return None
    name = syscall_name(event.syscall_nr, event.syscall_arch)
    return SeccompEvent(syscall=name, action="kill", arch=arch_name(event.syscall_arch))


def _integrity(observed: Observed, facts: CellFacts, stdout: bytes) -> OutputIntegrity:
    streams = (observed.stdout, observed.stderr)
    if any(stream.error for stream in streams):
        return OutputIntegrity.WRITE_ERROR
    if any(stream.truncated for stream in streams):
        return OutputIntegrity.TRUNCATED_BY_JUDGE_LIMIT
    if any(_closed_early(stream, observed.ended_ns) for stream in streams):
        return OutputIntegrity.TRUNCATED_BY_PROGRAM_CLOSE
    if facts.signal is not None and stdout and not stdout.endswith(b"\n"):
        return OutputIntegrity.CRASH_MID_WRITE
    return OutputIntegrity.COMPLETE


def _closed_early(stream: OutputStream, ended_ns: int) -> bool:
    return stream.closed_ns is not None and ended_ns - stream.closed_ns > _CLOSED_EARLY_NS


def _error_message(verdict: Verdict, facts: CellFacts) -> str | None:
    if verdict is not Verdict.IE:
        return None
    if not facts.contained:
        return "the run could not be cleaned up completely; its verdict would not be trustworthy"
    return f"evidence is missing: {', '.join(missing_evidence(facts))}; {'; '.join(facts.collection_errors)}"
