"""Between the execute API's wire and the nouns of the model. Pure; refusals are ``RequestRefused``."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import UNSET

from cellblock.api import bodies, selectors
from cellblock.api.errors import Failure
from cellblock.api.execute.files import arrange
from cellblock.api.execute.stages import shown, signal_name, whole_ms
from cellblock.api.execute.wire import (
    ErrorBody,
    ErrorDetail,
    ExecuteAnswer,
    ExecuteBody,
    FileBody,
    Number,
    RuntimeBody,
    StageBody,
)
from cellblock.api.outputs import Output
from cellblock.errors import RequestRefused
from cellblock.model import Job, LanguageStatus, Limits, Outcome, Profile, StageLimits, StageReport

PROFILE = Profile.EXECUTOR
LEAST_MEMORY_BYTES = 1_000_000
"""Less is used up before a program begins."""
_RUN_TIMEOUT_MS = 5000
_COMPILE_TIMEOUT_MS = 10_000
_PROFILE_LIMIT = -1
_MAX_ARGS = 1000
_MAX_ARGS_BYTES = 128 * 1024 - 1  # one argument may be all of it: the kernel's bound for one, with its NUL
_BYTES_PER_KIB = 1024

_body_decoder = msgspec.json.Decoder(ExecuteBody)

_CODES = {
    400: "invalid_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "request_timeout",
    413: "payload_too_large",
    415: "unsupported_media_type",
    429: "rate_limited",
    500: "internal",
    503: "overloaded",
}


def decode_execute(body: bytes) -> ExecuteBody:
    """Parse a request; 400 names what is wrong in it."""
    return bodies.decode(_body_decoder, body, misfit_status=400)


def choose_runtime(body: ExecuteBody, languages: Sequence[LanguageStatus]) -> LanguageStatus:
    """Return the runtime asked for; 400 lists what there is."""
    wanted = selectors.NEWEST if body.version is None else body.version
    try:
        return selectors.choose(body.language, wanted, languages)
    except selectors.UnknownLanguageError:
        names = dict.fromkeys(
            selectors.execute_name(language) for language in languages if language.available
        )
        message = f"unknown language {body.language!r}; available: {', '.join(names) or 'none'}"
        raise RequestRefused(400, message, code="unknown_language") from None
    except selectors.UnknownVersionError as error:
        message = f"{body.language} has no version {wanted!r}; available: {', '.join(error.versions)}"
        raise RequestRefused(400, message, code="unknown_version") from None
    except selectors.BadRangeError:
        expected = "expected a version range such as *, 3, 3.x, ^3.11, >=3.11 <3.13 or 3.13.5"
        raise RequestRefused(400, f"field `version`: {expected}, got {wanted[:100]!r}") from None


def program_files(body: ExecuteBody) -> list[FileBody]:
    """Return the files, of which ``code`` is the short form."""
    if (body.code is None) == (body.files is None):
        given = "neither" if body.code is None else "both"
        raise RequestRefused(400, f"exactly one of `code` and `files` must be given, got {given}")
    if body.code is not None:
        return [FileBody(content=body.code)]
    if not body.files:
        raise RequestRefused(400, "field `files`: at least one file must be given")
    return body.files


def make_job(
    body: ExecuteBody,
    runtime: LanguageStatus,
    *,
    job_id: str,
    tenant: str,
    run: StageLimits,
    compiling: StageLimits,
    stdin_max_bytes: int,
) -> Job:
    """Return the job to run: under the executor's limits, without network, with loopback."""
    return Job(
        id=job_id,
        language=runtime.name,
        files=arrange(program_files(body), default_name=runtime.source_name),
        stdin=bodies.bounded_utf8("stdin", body.stdin or "", stdin_max_bytes),
        args=_checked_args(body.args or []),
        profile=PROFILE,
        runtime=runtime.runtime or None,
        run=run,
        compile=compiling,
        loopback=True,
        tenant=tenant,
    )


def stage_limits(body: ExecuteBody, runtime: LanguageStatus) -> tuple[StageLimits, StageLimits]:
    """Return what the request asks of run and compile stage; 400 where it is above the ceiling."""
    running, compiling = runtime.limits[PROFILE], runtime.compile_limits
    run_ms = _timeout("run_timeout", body.run_timeout, _RUN_TIMEOUT_MS, running)
    compile_ms = _timeout("compile_timeout", body.compile_timeout, _COMPILE_TIMEOUT_MS, compiling)
    compile_bytes = _memory("compile_memory_limit", body.compile_memory_limit, compiling)
    # Where nothing is compiled there is no ceiling, and no stage that the numbers could be for.
    compile_stage = (
        StageLimits(wall_ms=compile_ms, memory_bytes=compile_bytes) if compiling else StageLimits()
    )
    return (
        StageLimits(
            wall_ms=run_ms,
            cpu_ms=min(run_ms, running.cpu_ms),
            memory_bytes=_memory("run_memory_limit", body.run_memory_limit, running),
        ),
        compile_stage,
    )


def answer(outcome: Outcome, runtime: LanguageStatus) -> ExecuteAnswer:
    """Return what happened as a client sees it."""
    stages = shown(outcome, runtime)
    compiled = stages.compile if runtime.shows_compile else None
    return ExecuteAnswer(
        language=selectors.execute_name(runtime),
        version=runtime.version or "",
        compile=UNSET if compiled is None else _stage_body(compiled),
        run=_stage_body(stages.run),
    )


def runtime_bodies(languages: Sequence[LanguageStatus]) -> list[RuntimeBody]:
    """Return what can be run."""
    return [_runtime_body(language) for language in languages if language.available]


def error_body(failure: Failure) -> ErrorBody:
    """Return a failure in this dialect's shape."""
    code = failure.code or _CODES.get(failure.status, "invalid_request")
    return ErrorBody(ErrorDetail(code, failure.message, failure.request_id))


def _timeout(name: str, value: Number | None, default_ms: int, ceiling: Limits | None) -> int:
    if value is None:
        return default_ms if ceiling is None else min(default_ms, ceiling.wall_ms)
    whole = _whole(name, value, "a positive whole number of milliseconds")
    if whole <= 0:
        raise RequestRefused(400, f"field `{name}`: expected a positive number of milliseconds, got {value}")
    if ceiling is not None and whole > ceiling.wall_ms:
        raise RequestRefused(
            400, f"field `{name}`: {whole} exceeds the ceiling of {ceiling.wall_ms} milliseconds"
        )
    return whole


def _memory(name: str, value: Number | None, ceiling: Limits | None) -> int | None:
    if value is None or value == _PROFILE_LIMIT:
        return None
    whole = _whole(name, value, "-1 or a whole number of bytes")
    if whole < LEAST_MEMORY_BYTES:
        raise RequestRefused(
            400, f"field `{name}`: expected -1 or at least {LEAST_MEMORY_BYTES} bytes, got {value}"
        )
    if ceiling is not None and whole > ceiling.memory_bytes:
        raise RequestRefused(
            400, f"field `{name}`: {whole} exceeds the ceiling of {ceiling.memory_bytes} bytes"
        )
    return whole


def _whole(name: str, value: Number, expected: str) -> int:
    if value != int(value):
        raise RequestRefused(400, f"field `{name}`: expected {expected}, got {value}")
    return int(value)


def _checked_args(args: Sequence[str]) -> tuple[str, ...]:
    if len(args) > _MAX_ARGS:
        raise RequestRefused(400, f"field `args`: at most {_MAX_ARGS} are allowed, got {len(args)}")
    for index, arg in enumerate(args):
        if "\0" in arg:
            raise RequestRefused(400, f"field `args[{index}]`: must not contain a NUL character")
    if sum(len(bodies.utf8(f"args[{index}]", arg)) + 1 for index, arg in enumerate(args)) > _MAX_ARGS_BYTES:
        raise RequestRefused(400, f"field `args`: longer than {_MAX_ARGS_BYTES} bytes together")
    return tuple(args)


def _stage_body(stage: StageReport) -> StageBody:
    peak_bytes = stage.memory_peak_bytes
    return StageBody(
        stdout=Output(stage.stdout),
        stderr=Output(stage.stderr),
        code=stage.exit_code,
        signal=signal_name(stage.signal),
        time_ms=whole_ms(stage.wall_time_ns),
        memory_kb=None if peak_bytes is None else peak_bytes // _BYTES_PER_KIB,
    )


def _runtime_body(language: LanguageStatus) -> RuntimeBody:
    canonical = selectors.execute_name(language)
    names = dict.fromkeys((language.name, *language.aliases))
    return RuntimeBody(
        language=canonical,
        version=language.version or "",
        aliases=[name for name in names if name != canonical],
        runtime=UNSET if language.engine is None else language.engine,
    )
