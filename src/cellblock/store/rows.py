"""Between rows and the nouns of the model. Pure."""

from __future__ import annotations

from typing import Any

import msgspec

from cellblock.errors import StoreError
from cellblock.model import (
    Evidence,
    Job,
    JobStatus,
    Outcome,
    OutputIntegrity,
    Profile,
    Record,
    SourceFile,
    Verdict,
)
from cellblock.store.schema import submissions

_columns = submissions.c
RECORD_COLUMNS = (
    _columns.id,
    _columns.language,
    _columns.profile,
    _columns.job_status,
    _columns.created_at_ns,
    _columns.started_at_ns,
    _columns.completed_at_ns,
    _columns.verdict,
    _columns.exit_code,
    _columns.signal,
    _columns.output_integrity,
    _columns.error_message,
    _columns.wall_time_ns,
    _columns.evidence,
    _columns.stdout,
    _columns.stderr,
)
JOB_COLUMNS = (
    _columns.id,
    _columns.language,
    _columns.profile,
    _columns.code,
    _columns.stdin,
    _columns.key_scope,
)

_evidence_decoder = msgspec.json.Decoder(Evidence)


def final_status(outcome: Outcome) -> JobStatus:
    """Return the status that an outcome gives its submission."""
    return JobStatus.ERROR if outcome.verdict is Verdict.IE else JobStatus.COMPLETED


def job_of(
    submission_id: str, language: str, profile: Profile, code: bytes, stdin: bytes, key_scope: str
) -> Job:
    """Return the job of a submission of one file, under its language's default name."""
    return Job(
        id=submission_id,
        language=language,
        files=(SourceFile("", code),),
        stdin=stdin,
        profile=profile,
        tenant=key_scope,
    )


def outcome_values(outcome: Outcome) -> dict[str, Any]:
    """Return the columns that an outcome fills."""
    return {
        "verdict": outcome.verdict.value,
        "exit_code": outcome.exit_code,
        "signal": outcome.signal,
        "output_integrity": outcome.output_integrity.value,
        "error_message": outcome.error_message,
        "wall_time_ns": outcome.wall_time_ns,
        "evidence": msgspec.json.encode(outcome.evidence),
        "stdout": outcome.stdout,
        "stderr": outcome.stderr,
    }


def record_of(row: Any) -> Record:
    """Return the record behind a row of ``RECORD_COLUMNS``; raises ``StoreError`` for one that is damaged."""
    try:
        return Record(
            id=row.id,
            language=row.language,
            job_status=JobStatus(row.job_status),
            profile=Profile(row.profile),
            created_at_ns=row.created_at_ns,
            started_at_ns=row.started_at_ns,
            completed_at_ns=row.completed_at_ns,
            outcome=None if row.verdict is None else _outcome_of(row),
        )
    except (ValueError, TypeError) as error:  # msgspec's are values' errors too
        raise StoreError(
            f"submission {row.id} cannot be read back, its row in the database is damaged ({error}): "
            "restore a backup, or delete the row",
            reason="the store is damaged",
        ) from error


def _outcome_of(row: Any) -> Outcome:
    return Outcome(
        verdict=Verdict(row.verdict),
        exit_code=row.exit_code,
        signal=row.signal,
        stdout=row.stdout,
        stderr=row.stderr,
        output_integrity=OutputIntegrity(row.output_integrity),
        error_message=row.error_message,
        wall_time_ns=row.wall_time_ns,
        evidence=_evidence_decoder.decode(row.evidence),
    )
