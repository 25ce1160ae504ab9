"""Records as examples."""

from __future__ import annotations

from typing import Any

import msgspec

from cellblock.api.judge.wire import SCHEMA_VERSION, DeliveriesBody, DeliveryAttemptBody, RecordBody
from cellblock.api.outputs import Output
from cellblock.model import (
    CgroupEvidence,
    DeliveryStatus,
    Evidence,
    IsolationMode,
    JobStatus,
    LifecycleEvidence,
    OutputIntegrity,
    TimingEvidence,
    Verdict,
    VerdictActor,
    VerdictCause,
)

ID = "550e8400-e29b-41d4-a716-446655440000"

_EVIDENCE = Evidence(
    verdict_cause=VerdictCause.NORMAL_EXIT,
    verdict_actor=VerdictActor.RUNTIME,
    isolation_mode=IsolationMode.STRICT,
    controls_applied=(
        "pid_namespace",
        "mount_namespace",
        "network_namespace",
        "memory_limit",
        "process_limit",
        "no_new_privileges",
    ),
    controls_missing=(),
    cgroup=CgroupEvidence(
        cpu_usage_usec=9142,
        memory_limit_bytes=268_435_456,
        memory_peak_bytes=3_862_528,
        oom_events=0,
        oom_kill_events=0,
        process_count=0,
        process_limit=10,
    ),
    timing=TimingEvidence(cpu_ms=9, wall_ms=10, cpu_wall_ratio=0.9, divergence="cpu_bound"),
    process_lifecycle=LifecycleEvidence(reap_status="clean", descendant_containment="ok", zombie_count=0),
    judge_actions=(),
    collection_errors=(),
    language_version="3.13.5",
    node_id="node-1",
)

AC_RECORD = RecordBody(
    id=ID,
    language="python",
    job_status=JobStatus.COMPLETED,
    schema_version=SCHEMA_VERSION,
    verdict=Verdict.AC,
    exit_code=0,
    signal=None,
    stdout=Output(b"4\n"),
    stderr=Output(b""),
    output_integrity=OutputIntegrity.COMPLETE,
    error_message=None,
    cpu_time_secs=0.009142,
    wall_time_secs=0.010345,
    memory_peak_bytes=3_862_528,
    evidence=_EVIDENCE,
    created_at="2026-04-03T08:05:23.540110054+00:00",
    started_at="2026-04-03T08:05:23.540218508+00:00",
    completed_at="2026-04-03T08:05:23.570195915+00:00",
)

RE_RECORD = msgspec.structs.replace(
    AC_RECORD,
    verdict=Verdict.RE,
    exit_code=1,
    stdout=Output(b""),
    stderr=Output(
        b'Traceback (most recent call last):\n  File "/box/main.py", line 1, in <module>\n'
        b'    raise RuntimeError("something broke")\nRuntimeError: something broke\n'
    ),
    evidence=msgspec.structs.replace(_EVIDENCE, verdict_cause=VerdictCause.RE_NONZERO_EXIT),
)

_UNKNOWN_YET: dict[str, Any] = dict.fromkeys(
    (
        "verdict",
        "exit_code",
        "stdout",
        "stderr",
        "output_integrity",
        "cpu_time_secs",
        "wall_time_secs",
        "memory_peak_bytes",
        "evidence",
        "started_at",
        "completed_at",
    )
)
PENDING_RECORD = msgspec.structs.replace(AC_RECORD, job_status=JobStatus.PENDING, **_UNKNOWN_YET)

DELIVERIES = DeliveriesBody(
    id=ID,
    webhook_url="https://receiver.example/results",
    delivery_status=DeliveryStatus.DELIVERED,
    next_attempt_at=None,
    attempts=[
        DeliveryAttemptBody(
            number=1,
            started_at="2026-04-03T08:05:23.571000000+00:00",
            duration_ms=5000,
            status_code=None,
            error="no connection within 5 s",
        ),
        DeliveryAttemptBody(
            number=2,
            started_at="2026-04-03T08:05:29.571000000+00:00",
            duration_ms=84,
            status_code=204,
            error=None,
        ),
    ],
)
