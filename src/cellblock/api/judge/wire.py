"""What the judge API reads and writes. Field order is the order on the wire."""

from __future__ import annotations

from msgspec import Struct

from cellblock.api.outputs import Output
from cellblock.model import DeliveryStatus, Evidence, JobStatus, OutputIntegrity, Verdict

SCHEMA_VERSION = "1.0"


class SubmitBody(Struct, frozen=True, kw_only=True):
    """Body of ``POST /api/submit``; unknown fields are ignored."""

    language: str
    """A language by name or alias, in any case; ``GET /api/languages`` lists the names."""
    code: str
    """The program: 1 to 65536 bytes of UTF-8, unless the operator set another bound."""
    stdin: str | None = None
    """What the program reads: at most 262144 bytes of UTF-8, unless the operator set another bound."""
    webhook_url: str | None = None
    """Where the record is sent when it is final."""
    webhook_secret: str | None = None
    """Signs what is sent: 1 to 256 bytes, required with ``webhook_url``."""
    profile: str | None = None
    """Which limits hold: ``judge`` or ``executor``; the key's first where nothing is said."""


class ErrorBody(Struct, frozen=True):
    """Every answer of this dialect that is no success, but for ``NotYetBody``."""

    error: str


class AcceptedBody(Struct, frozen=True):
    """A submission that is on disk and waits."""

    id: str
    job_status: JobStatus
    queue_depth: int


class NotYetBody(Struct, frozen=True):
    """The answer came due before the result did."""

    id: str
    error: str


class RecordBody(Struct, frozen=True, kw_only=True):
    """A submission from every side; what is not known is null."""

    id: str
    language: str
    job_status: JobStatus
    schema_version: str
    verdict: Verdict | None
    exit_code: int | None
    signal: int | None
    stdout: Output | None
    stderr: Output | None
    output_integrity: OutputIntegrity | None
    error_message: str | None
    cpu_time_secs: float | None
    wall_time_secs: float | None
    memory_peak_bytes: int | None
    evidence: Evidence | None
    created_at: str
    started_at: str | None
    completed_at: str | None


class DeliveryAttemptBody(Struct, frozen=True, kw_only=True):
    """One attempt to call a webhook."""

    number: int
    started_at: str
    duration_ms: int
    status_code: int | None
    error: str | None


class DeliveriesBody(Struct, frozen=True, kw_only=True):
    """What was tried to deliver a submission's result; never the secret."""

    id: str
    webhook_url: str | None
    delivery_status: DeliveryStatus
    next_attempt_at: str | None
    attempts: list[DeliveryAttemptBody]
