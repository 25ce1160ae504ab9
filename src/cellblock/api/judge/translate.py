"""Between the judge API's wire and the nouns of the model. Pure; refusals are ``RequestRefused``."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence

import msgspec
from msgspec import Struct

from cellblock.api.judge.wire import SCHEMA_VERSION, RecordBody, SubmitBody
from cellblock.errors import RequestRefused
from cellblock.model import LanguageStatus, Profile, Record

_NS_PER_S = 1_000_000_000
_USEC_PER_S = 1_000_000
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)

_body_decoder = msgspec.json.Decoder(SubmitBody)
_MISSING_FIELD = re.compile(r"Object missing required field `(?P<field>\w+)`")
_WRONG_TYPE = re.compile(
    r"Expected `(?P<expected>[^`]+)`, got `(?P<got>[^`]+)`(?: - at `\$\.(?P<field>\w+)`)?"
)
_MALFORMED = "JSON is malformed: "
_TYPE_NAMES = {"str": "a string", "str | null": "a string or null", "object": "a JSON object"}


class Inputs(Struct, frozen=True, kw_only=True):
    """A request's program and input, as bytes and within bounds."""

    code: bytes
    stdin: bytes


def require_json(content_type: str) -> None:
    """Refuse (415) every media type but JSON."""
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type != "application/json":
        sent = f"`{media_type}`" if media_type else "none"
        raise RequestRefused(415, f"content-type must be application/json, got {sent}")


def decode_submit(body: bytes) -> SubmitBody:
    """Parse a submission: 400 for what is no JSON, 422 for a missing field or a wrong type."""
    try:
        return _body_decoder.decode(body)
    except msgspec.ValidationError as error:
        raise RequestRefused(422, _explain(str(error))) from error
    except (msgspec.DecodeError, UnicodeError) as error:
        raise RequestRefused(400, f"malformed JSON: {str(error).removeprefix(_MALFORMED)}") from error
    except RecursionError as error:
        raise RequestRefused(400, "malformed JSON: nested too deeply") from error


def parse_wait(values: Sequence[str]) -> bool:
    """Read the query key ``wait``, given as often as it was sent."""
    match values:
        case [] | ["false"]:
            return False
        case ["true"]:
            return True
    raise RequestRefused(400, f"query parameter wait must be true or false, got {', '.join(values)!r}")


def parse_profile(name: str | None) -> Profile:
    """Return the profile asked for; judge where none was."""
    try:
        return Profile.JUDGE if name is None else Profile(name)
    except ValueError as error:
        raise RequestRefused(422, f"field `profile`: expected judge or executor, got {name!r}") from error


def check_inputs(body: SubmitBody, *, code_max_bytes: int, stdin_max_bytes: int) -> Inputs:
    """Return code and input, refusing (400) what is empty, too big, or cannot be written as UTF-8."""
    if not body.code:
        raise RequestRefused(400, "code must not be empty")
    code = _utf8("code", body.code)
    stdin = _utf8("stdin", body.stdin or "")
    if len(code) > code_max_bytes:
        raise RequestRefused(400, f"code exceeds maximum size of {_size(code_max_bytes)}")
    if len(stdin) > stdin_max_bytes:
        raise RequestRefused(400, f"stdin exceeds maximum size of {_size(stdin_max_bytes)}")
    return Inputs(code=code, stdin=stdin)


def refuse_webhook(body: SubmitBody) -> None:
    """Refuse (400) a webhook, which nothing here would call."""
    if body.webhook_url is not None:
        raise RequestRefused(
            400, "this version delivers no webhooks: leave out webhook_url and poll GET /api/result/{id}"
        )


def choose_language(name: str, languages: Sequence[LanguageStatus]) -> str:
    """Return the canonical name of an available language; 400 names those that there are."""
    wanted = name.lower()
    available = [language for language in languages if language.available]
    for language in available:
        if wanted == language.name or wanted in language.aliases:
            return language.name
    names = ", ".join(language.name for language in available)
    raise RequestRefused(400, f"unsupported language: {name}. available: {names}")


def parse_uuid(text: str) -> str | None:
    """Return a UUID in its canonical form, ``None`` for anything else."""
    return text.lower() if _UUID.fullmatch(text) else None


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
        stdout=outcome.stdout.decode("utf-8", "replace") if outcome else None,
        stderr=outcome.stderr.decode("utf-8", "replace") if outcome else None,
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


def timestamp(at_ns: int) -> str:
    """Return RFC 3339 with nine digits, such as ``2026-04-03T08:05:23.540110054+00:00``."""
    seconds, fraction_ns = divmod(at_ns, _NS_PER_S)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{fraction_ns:09d}+00:00"


def _utf8(field: str, text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise RequestRefused(400, f"field `{field}`: contains a lone surrogate, which no text has") from error


def _explain(reason: str) -> str:
    """Word msgspec's complaint so that it names the field and what was expected."""
    if missing := _MISSING_FIELD.fullmatch(reason):
        return f"field `{missing['field']}` is missing: expected a string"
    if wrong := _WRONG_TYPE.fullmatch(reason):
        where = f"field `{wrong['field']}`" if wrong["field"] else "request body"
        expected = _TYPE_NAMES.get(wrong["expected"], wrong["expected"])
        return f"{where}: expected {expected}, got {wrong['got']}"
    return f"request body: {reason}"


def _size(limit_bytes: int) -> str:
    whole_kib, rest = divmod(limit_bytes, 1024)
    return f"{limit_bytes} bytes" if rest else f"{whole_kib}KB"
