"""Between the judge API's wire and the nouns of the model. Pure; refusals are ``RequestRefused``."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence

import msgspec
from msgspec import Struct

from cellblock.api import bodies
from cellblock.api.errors import Failure
from cellblock.api.judge.wire import (
    SCHEMA_VERSION,
    DeliveriesBody,
    DeliveryAttemptBody,
    ErrorBody,
    RecordBody,
    SubmitBody,
)
from cellblock.api.outputs import Output, json_pieces
from cellblock.api.selectors import goes_by
from cellblock.deliveries import DeliveryLog
from cellblock.errors import RequestRefused
from cellblock.model import LanguageStatus, Profile, Record

_NS_PER_S = 1_000_000_000
_NS_PER_MS = 1_000_000
_USEC_PER_S = 1_000_000
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_WRITTEN_UUID = re.compile(
    r"(?:urn:uuid:)?(\{)?([0-9a-f]{8})(-?)([0-9a-f]{4})\3([0-9a-f]{4})\3([0-9a-f]{4})\3([0-9a-f]{12})(?(1)\})",
    re.ASCII | re.IGNORECASE,
)

_body_decoder = msgspec.json.Decoder(SubmitBody)


class Inputs(Struct, frozen=True, kw_only=True):
    """A request's program and input, as bytes and within bounds."""

    code: bytes
    stdin: bytes


def decode_submit(body: bytes) -> SubmitBody:
    """Parse a submission: 400 for what is no JSON, 422 for a missing field or a wrong type."""
    return bodies.decode(_body_decoder, body, misfit_status=422)


def parse_wait(values: Sequence[str]) -> bool:
    """Read the query key ``wait``, given as often as it was sent."""
    match values:
        case [] | ["false"]:
            return False
        case ["true"]:
            return True
    raise RequestRefused(400, f"query parameter wait must be true or false, got {', '.join(values)!r}")


def parse_profile(name: str | None) -> Profile | None:
    """Return the profile asked for, ``None`` where none was."""
    try:
        return None if name is None else Profile(name)
    except ValueError as error:
        raise RequestRefused(422, f"field `profile`: expected judge or executor, got {name!r}") from error


def check_inputs(body: SubmitBody, *, code_max_bytes: int, stdin_max_bytes: int) -> Inputs:
    """Return code and input, refusing (400) what is empty, too big, or cannot be written as UTF-8."""
    if not body.code:
        raise RequestRefused(400, "code must not be empty")
    code = bodies.bounded_utf8("code", body.code, code_max_bytes)
    stdin = bodies.bounded_utf8("stdin", body.stdin or "", stdin_max_bytes)
    return Inputs(code=code, stdin=stdin)


def choose_language(name: str, languages: Sequence[LanguageStatus]) -> str:
    """Return the canonical name of an available language.

    Refuses with 400, which names those that there are, or with 503 where it may be available soon.
    """
    named = [language for language in languages if goes_by(language, name)]
    for language in named:
        if language.available:
            return language.name
    if any(language.pending for language in named):
        raise RequestRefused(503, f"{name} is being made ready, try again later", retry_after_s=1)
    names = ", ".join(available_names(languages))
    raise RequestRefused(400, f"unsupported language: {name}. available: {names}")


def available_names(languages: Sequence[LanguageStatus]) -> list[str]:
    """Return the canonical names of what can be run, each once, in the catalog's order."""
    return list(dict.fromkeys(language.name for language in languages if language.available))


def parse_uuid(text: str) -> str | None:
    """Return a UUID in its canonical form, ``None`` for anything else."""
    return text.lower() if _UUID.fullmatch(text) else None


def parse_idempotency_key(text: str) -> str | None:
    """Return a UUID in its canonical form, however it was written, ``None`` for anything else.

    A key that was ignored for its braces or missing hyphens would have its program run twice.
    """
    written = _WRITTEN_UUID.fullmatch(text)
    return None if written is None else "-".join(written.group(2, 4, 5, 6, 7)).lower()


def record_body(record: Record) -> RecordBody:
    """Return the record as a client sees it."""
    outcome = record.outcome
    evidence = outcome.evidence if outcome else None
    cpu_usec = evidence.cgroup.cpu_usage_usec if evidence else None
    wall_ns = outcome.wall_time_ns if outcome else None
    return RecordBody(
        id=record.id,
        language=record.language,
        job_status=record.job_status,
        schema_version=SCHEMA_VERSION,
        verdict=outcome.verdict if outcome else None,
        exit_code=outcome.exit_code if outcome else None,
        signal=outcome.signal if outcome else None,
        stdout=Output(outcome.stdout) if outcome else None,
        stderr=Output(outcome.stderr) if outcome else None,
        output_integrity=outcome.output_integrity if outcome else None,
        error_message=outcome.error_message if outcome else record.error_message,
        cpu_time_secs=None if cpu_usec is None else cpu_usec / _USEC_PER_S,
        wall_time_secs=None if wall_ns is None else wall_ns / _NS_PER_S,
        memory_peak_bytes=evidence.cgroup.memory_peak_bytes if evidence else None,
        evidence=evidence,
        created_at=timestamp(record.created_at_ns),
        started_at=None if record.started_at_ns is None else timestamp(record.started_at_ns),
        completed_at=None if record.completed_at_ns is None else timestamp(record.completed_at_ns),
    )


def record_pieces(record: Record) -> Iterator[bytes]:
    """Yield the record's JSON, piece by piece: what a client reads and what a webhook is sent."""
    return json_pieces(record_body(record))


def deliveries_body(submission_id: str, log: DeliveryLog) -> DeliveriesBody:
    """Return what was tried to deliver a submission's result."""
    return DeliveriesBody(
        id=submission_id,
        webhook_url=log.url,
        delivery_status=log.status,
        next_attempt_at=None if log.due_at_ns is None else timestamp(log.due_at_ns),
        attempts=[
            DeliveryAttemptBody(
                number=attempt.number,
                started_at=timestamp(attempt.started_at_ns),
                duration_ms=attempt.duration_ns // _NS_PER_MS,
                status_code=attempt.status_code,
                error=attempt.error,
            )
            for attempt in log.attempts
        ],
    )


def error_body(failure: Failure) -> ErrorBody:
    """Return a failure in this dialect's shape."""
    return ErrorBody(failure.message)


def timestamp(at_ns: int) -> str:
    """Return RFC 3339 with nine digits, such as ``2026-04-03T08:05:23.540110054+00:00``."""
    seconds, fraction_ns = divmod(at_ns, _NS_PER_S)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{fraction_ns:09d}+00:00"
