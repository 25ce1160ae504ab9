"""Between Piston's wire and the nouns of the model. Pure; refusals are ``RequestRefused``.

Where Piston has words for a mistake, they are used to the letter: clients look for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import UNSET

from cellblock.api import bodies, selectors
from cellblock.api.errors import Failure
from cellblock.api.execute.files import NO_TEXT_FILE
from cellblock.api.execute.stages import shown, signal_name, whole_ms
from cellblock.api.execute.translate import LEAST_MEMORY_BYTES, PROFILE
from cellblock.api.execute.wire import ExecuteBody, FileBody
from cellblock.api.outputs import Output
from cellblock.api.piston.wire import PistonAnswer, PistonBody, PistonErrorBody, PistonStage
from cellblock.errors import RequestRefused
from cellblock.model import LanguageStatus, Limits, Outcome, StageLimits, StageReport, Verdict

_RUN_TIMEOUT_MS = 3000
_COMPILE_TIMEOUT_MS = 10_000
_MEMORY = "memory_limit"
_PROFILE_LIMIT = -1
_USEC_PER_MS = 1000
_WALL_LIMIT = "wall_limit"

_body_decoder = msgspec.json.Decoder(PistonBody)

_LIMIT_MESSAGES = {
    Verdict.MLE: "Memory limit exceeded",
    Verdict.PLE: "Process limit exceeded",
    Verdict.FSE: "File size limit exceeded",
}


def require_json(content_type: str) -> None:
    """Refuse (415) every media type but JSON."""
    if not content_type.lower().startswith("application/json"):
        raise RequestRefused(415, "requests must be of type application/json")


def decode_piston(raw_body: bytes) -> PistonBody:
    """Parse a request; 400 for what is no JSON object."""
    return bodies.decode(_body_decoder, raw_body, misfit_status=400)


def program(body: PistonBody) -> ExecuteBody:
    """Return what the execute API would have been sent, but for the limits."""
    if not isinstance(body.language, str) or not body.language:
        raise RequestRefused(400, "language is required as a string")
    if not isinstance(body.version, str) or not body.version:
        raise RequestRefused(400, "version is required as a string")
    if not isinstance(body.files, list):
        raise RequestRefused(400, "files is required as an array")
    return ExecuteBody(
        language=body.language,
        version=body.version,
        files=[_file(index, file) for index, file in enumerate(body.files)],
        stdin=_optional_text("stdin", body.stdin),
        args=_args(body.args),
    )


def choose_runtime(asked: ExecuteBody, languages: Sequence[LanguageStatus]) -> LanguageStatus:
    """Return the runtime asked for; 400 where there is none, or nothing for it to read."""
    version = asked.version or selectors.NEWEST
    try:
        runtime = selectors.choose(asked.language, version, languages)
    except (LookupError, selectors.BadRangeError):
        raise RequestRefused(400, f"{asked.language}-{version} runtime is unknown") from None
    if not asked.files:
        raise RequestRefused(400, NO_TEXT_FILE)
    return runtime


def stage_limits(body: PistonBody, runtime: LanguageStatus) -> tuple[StageLimits, StageLimits]:
    """Return what the request asks of run and compile stage; 400 where it is above the ceiling."""
    running, compiling = runtime.limits[PROFILE], runtime.compile_limits
    compile_memory = _limit("compile_memory_limit", body, compiling.memory_bytes if compiling else None)
    run_memory = _limit("run_memory_limit", body, running.memory_bytes)
    compile_ms = _limit("compile_timeout", body, compiling.wall_ms if compiling else None)
    run_ms = _limit("run_timeout", body, running.wall_ms) or min(_RUN_TIMEOUT_MS, running.wall_ms)
    compile_cpu_ms = _limit("compile_cpu_time", body, compiling.cpu_ms if compiling else None)
    run_cpu_ms = _limit("run_cpu_time", body, running.cpu_ms) or min(run_ms, running.cpu_ms)
    return (
        StageLimits(wall_ms=run_ms, cpu_ms=run_cpu_ms, memory_bytes=run_memory),
        StageLimits(
            wall_ms=compile_ms or _default_compile_ms(compiling),
            cpu_ms=compile_cpu_ms,
            memory_bytes=compile_memory,
        )
        if compiling  # else there is no ceiling, and no stage that the numbers could be for
        else StageLimits(),
    )


def answer(outcome: Outcome, runtime: LanguageStatus) -> PistonAnswer:
    """Return what happened as a client of Piston sees it: every compile stage is shown."""
    stages = shown(outcome, runtime)
    return PistonAnswer(
        compile=UNSET if stages.compile is None else _stage(stages.compile),
        run=_stage(stages.run),
        language=selectors.execute_name(runtime),
        version=runtime.version or "",
    )


def error_body(failure: Failure) -> PistonErrorBody:
    """Return a failure in this dialect's shape; the request's name where the log says more."""
    suffix = f" (request {failure.request_id})" if failure.is_logged else ""
    return PistonErrorBody(failure.message + suffix)


def _file(index: int, file: Any) -> FileBody:
    if not isinstance(file, dict) or not isinstance(file.get("content"), str):
        raise RequestRefused(400, f"files[{index}].content is required as a string")
    return FileBody(
        content=file["content"],
        name=_optional_text(f"files[{index}].name", file.get("name")),
        encoding=_optional_text(f"files[{index}].encoding", file.get("encoding")),
    )


def _optional_text(name: str, value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise RequestRefused(400, f"If specified, {name} must be a string")


def _args(value: Any) -> list[str] | None:
    if value is None or (isinstance(value, list) and all(isinstance(arg, str) for arg in value)):
        return value
    raise RequestRefused(400, "If specified, args must be an array of strings")


def _limit(name: str, body: PistonBody, ceiling: int | None) -> int | None:
    """Return a limit that was asked for; 0 is Piston's way to ask for none."""
    value = getattr(body, name)
    if value is None or (value == _PROFILE_LIMIT and name.endswith(_MEMORY)):
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RequestRefused(400, f"If specified, {name} must be a number")
    if value < 0:
        raise RequestRefused(400, f"{name} must be non-negative")
    if value != int(value):
        raise RequestRefused(400, f"{name} must be a whole number")
    if ceiling is not None and value > ceiling:
        raise RequestRefused(400, f"{name} cannot exceed the configured limit of {ceiling}")
    if value and name.endswith(_MEMORY) and value < LEAST_MEMORY_BYTES:
        raise RequestRefused(400, f"{name} must be at least {LEAST_MEMORY_BYTES}")
    return int(value) or None


def _default_compile_ms(ceiling: Limits | None) -> int:
    return _COMPILE_TIMEOUT_MS if ceiling is None else min(_COMPILE_TIMEOUT_MS, ceiling.wall_ms)


def _stage(stage: StageReport) -> PistonStage:
    status, message = _ending(stage)
    return PistonStage(
        signal=signal_name(stage.signal),
        stdout=Output(stage.stdout),
        stderr=Output(stage.stderr),
        code=stage.exit_code,
        output=Output(stage.stdout, stage.stderr, stage.output_order),
        memory=stage.memory_peak_bytes,
        message=message,
        status=status,
        cpu_time=None if stage.cpu_usage_usec is None else round(stage.cpu_usage_usec / _USEC_PER_MS),
        wall_time=whole_ms(stage.wall_time_ns),
    )


def _ending(stage: StageReport) -> tuple[str | None, str | None]:
    """Return Piston's two letters for how the stage ended, and the words for it."""
    limit = _LIMIT_MESSAGES.get(stage.verdict)
    if stage.verdict is Verdict.TLE:
        return "TO", "Time limit exceeded" + (" (wall clock)" if stage.killed_for == _WALL_LIMIT else "")
    if stage.truncated:
        # Unlike Piston, nothing was killed for it: code and signal are the program's own.
        longer_is_stdout = len(stage.stdout) >= len(stage.stderr)
        return ("OL", "stdout length exceeded") if longer_is_stdout else ("EL", "stderr length exceeded")
    if stage.signal is not None:
        return "SG", limit or f"Caught fatal signal {stage.signal}"
    if stage.exit_code is None:
        return "XX", "The program's end was not seen"
    if stage.exit_code != 0:
        return "RE", limit or f"Exited with error status {stage.exit_code}"
    return None, limit
