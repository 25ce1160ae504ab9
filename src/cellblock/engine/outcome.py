"""From what was observed to what is answered: facts, verdict, evidence. No input or output."""

from __future__ import annotations

import os

from msgspec import Struct

from cellblock.engine.output import OutputStream
from cellblock.engine.watch import Observed
from cellblock.model import (
    CellFacts,
    CgroupEvidence,
    CompileCacheUse,
    CompileEvidence,
    Evidence,
    IsolationMode,
    LifecycleEvidence,
    Limits,
    Outcome,
    OutputIntegrity,
    SeccompEvent,
    Stage,
    StageReport,
    TimingEvidence,
    Verdict,
    VerdictCause,
)
from cellblock.sandbox.cell import Cell
from cellblock.sandbox.cgroups import Counters
from cellblock.sandbox.controls import Controls
from cellblock.sandbox.seccomp import arch_name, syscall_name
from cellblock.verdict.judge import SIGKILL, Judgement, judge, missing_evidence

_CLOSED_EARLY_NS = 100_000_000
"""A program that was seen to live on for less than this was leaving: many close their streams as they do."""

_BLOCK_BOUND_RATIO = 0.2

_NO_COUNTERS = Counters(
    cpu_usage_usec=None,
    memory_peak_bytes=None,
    oom_events=None,
    oom_kill_events=None,
    memory_limit_met=None,
    pids_limit_events=None,
    process_count=None,
    errors=("no cgroup: nothing was counted",),
)


class Staged(Struct, frozen=True, kw_only=True):
    """One stage that ran: its closed cell, what was observed, and what the evidence says besides."""

    stage: Stage
    cell: Cell
    observed: Observed
    isolation_mode: IsolationMode
    language: str
    language_version: str | None
    node_id: str
    limits: Limits
    artifact_error: str | None = None
    """Of a compile stage: why what it left could not be executed."""
    cache: CompileCacheUse = CompileCacheUse.BYPASS
    """Of a compile stage: whether an equal one was looked for before it ran."""

    @property
    def succeeded(self) -> bool:
        """Whether the next stage may follow."""
        facts = _facts(self)
        return facts.exit_code == 0 and judge(facts).verdict is Verdict.AC


class Compiled(Struct, frozen=True, kw_only=True):
    """A compile stage as it is told."""

    report: StageReport
    evidence: CompileEvidence


def tell_compile(compiled: Staged) -> Compiled:
    """Return what is told of a compile stage."""
    return Compiled(report=_report(compiled), evidence=_compile_evidence(compiled))


def conclude(ran: Staged, compiled: Compiled | None = None) -> Outcome:
    """Return the outcome of a run whose cell has been closed; ``compiled`` is the stage before it."""
    facts = _facts(ran)
    judgement = judge(facts)
    stages = (_report(ran),) if compiled is None else (compiled.report, _report(ran))
    return Outcome(
        verdict=judgement.verdict,
        exit_code=facts.exit_code,
        signal=facts.signal,
        stdout=ran.observed.stdout.content,
        stderr=ran.observed.stderr.content,
        output_integrity=_integrity(ran.observed, facts),
        error_message=_error_message(judgement.verdict, facts),
        wall_time_ns=ran.observed.wall_ns,
        evidence=_evidence(ran, facts, judgement, compiled.evidence if compiled else None),
        stages=stages,
    )


def conclude_failed_compile(compiled: Staged) -> Outcome:
    """Return the outcome of a submission that did not get past its compiler."""
    told = tell_compile(compiled)
    facts = _facts(compiled)
    judgement = judge(facts)
    said = compiled.observed.stdout.content + compiled.observed.stderr.content
    if compiled.artifact_error:
        said += f"the compiler left no program that can be executed: {compiled.artifact_error}\n".encode()
    return Outcome(
        verdict=judgement.verdict,
        exit_code=facts.exit_code,
        signal=facts.signal,
        stdout=b"",
        stderr=f"{compiled.language} Compilation Error:\n".encode() + said,
        output_integrity=_integrity(compiled.observed, facts),
        error_message=_error_message(judgement.verdict, facts) or _compile_message(judgement),
        wall_time_ns=compiled.observed.wall_ns,
        evidence=_evidence(compiled, facts, judgement, told.evidence),
        stages=(told.report,),
    )


def _compile_message(judgement: Judgement) -> str:
    if judgement.cause is VerdictCause.RE_COMPILE_ERROR:
        return "compilation failed"
    limits = {Verdict.TLE: "time", Verdict.MLE: "memory", Verdict.PLE: "process", Verdict.FSE: "file size"}
    exceeded = limits.get(judgement.verdict)
    return f"the compiler exceeded its {exceeded} limit" if exceeded else "the compiler was stopped"


def _evidence(
    staged: Staged, facts: CellFacts, judgement: Judgement, compiled: CompileEvidence | None
) -> Evidence:
    cell, observed = staged.cell, staged.observed
    return Evidence(
        verdict_cause=judgement.cause,
        verdict_actor=judgement.actor,
        isolation_mode=staged.isolation_mode,
        controls_applied=_controls(cell).applied,
        controls_missing=_controls(cell).missing,
        network=_controls(cell).network,
        cgroup=_cgroup(cell, observed),
        timing=_timing(observed),
        process_lifecycle=_lifecycle(cell, observed),
        judge_actions=observed.actions,
        collection_errors=facts.collection_errors,
        language_version=staged.language_version,
        limits=staged.limits,
        warm_start=cell.shape.warm is not None,
        compile=compiled,
        seccomp=_seccomp(cell),
        facts=facts,
        node_id=staged.node_id,
    )


def _compile_evidence(compiled: Staged) -> CompileEvidence:
    facts, timing = _facts(compiled), _timing(compiled.observed)
    return CompileEvidence(
        exit_code=facts.exit_code,
        signal=facts.signal,
        wall_ms=timing.wall_ms,
        cpu_ms=timing.cpu_ms,
        memory_peak_bytes=facts.memory_peak_bytes,
        controls_applied=_controls(compiled.cell).applied,
        controls_missing=_controls(compiled.cell).missing,
        cache=compiled.cache,
        warm_start=compiled.cell.shape.warm is not None,
    )


def _report(staged: Staged) -> StageReport:
    facts, observed = _facts(staged), staged.observed
    return StageReport(
        stdout=observed.stdout.content,
        stderr=observed.stderr.content,
        output_order=observed.output_order,
        exit_code=facts.exit_code,
        signal=facts.signal,
        killed_for=observed.killed_for,
        verdict=judge(facts).verdict,
        truncated=observed.stdout.truncated or observed.stderr.truncated,
        wall_time_ns=observed.wall_ns,
        cpu_usage_usec=observed.cpu_usage_usec,
        memory_peak_bytes=facts.memory_peak_bytes,
    )


def _facts(staged: Staged) -> CellFacts:
    cell, observed = staged.cell, staged.observed
    counters = observed.counters or _NO_COUNTERS
    exit_code, signal = _ending(cell, observed)
    streams = (("stdout", observed.stdout), ("stderr", observed.stderr))
    stream_errors = tuple(f"{name}: {stream.error}" for name, stream in streams if stream.error)
    return CellFacts(
        stage=staged.stage,
        exit_code=exit_code,
        signal=signal,
        killed_by_judge=observed.killed_for,
        oom_kill_events=counters.oom_kill_events,
        pids_limit_events=counters.pids_limit_events,
        memory_peak_bytes=counters.memory_peak_bytes,
        memory_limit_bytes=_controls(cell).memory_limit_bytes,
        process_limit=_controls(cell).process_limit,
        cpu_usage_usec=observed.cpu_usage_usec,
        cpu_limit_usec=staged.limits.cpu_ms * 1000,
        artifact_error=staged.artifact_error,
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


def _integrity(observed: Observed, facts: CellFacts) -> OutputIntegrity:
    stdout = observed.stdout.content
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
