"""The outcome of a run that we failed to see through. Pure.

Nothing was measured, so nothing is claimed: every counter is ``None``, no control is listed.
"""

from __future__ import annotations

from cellblock.model import (
    CgroupEvidence,
    Evidence,
    IsolationMode,
    LifecycleEvidence,
    Outcome,
    OutputIntegrity,
    TimingEvidence,
    Verdict,
    VerdictActor,
    VerdictCause,
)


def failed_outcome(message: str, *, isolation_mode: IsolationMode, node_id: str) -> Outcome:
    """Return an IE outcome whose ``error_message`` is ``message``."""
    return Outcome(
        verdict=Verdict.IE,
        exit_code=None,
        signal=None,
        stdout=b"",
        stderr=b"",
        output_integrity=OutputIntegrity.WRITE_ERROR,
        error_message=message,
        wall_time_ns=None,
        evidence=Evidence(
            verdict_cause=VerdictCause.IE_SUPERVISOR_FAILURE,
            verdict_actor=VerdictActor.JUDGE,
            isolation_mode=isolation_mode,
            controls_applied=(),
            controls_missing=(),
            cgroup=CgroupEvidence(
                cpu_usage_usec=None,
                memory_limit_bytes=None,
                memory_peak_bytes=None,
                oom_events=None,
                oom_kill_events=None,
                process_count=None,
                process_limit=None,
            ),
            timing=TimingEvidence(cpu_ms=None, wall_ms=None, cpu_wall_ratio=None, divergence=None),
            process_lifecycle=LifecycleEvidence(
                reap_status=None, descendant_containment="unknown", zombie_count=None
            ),
            judge_actions=(),
            collection_errors=(f"nothing was collected: {message}",),
            node_id=node_id,
        ),
    )
