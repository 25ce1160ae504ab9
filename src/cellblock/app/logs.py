"""The service's log on standard error: JSON lines, or coloured text on a terminal.

Requests' code, input, output, headers, query strings and keys are never logged: sizes and the
beginning of a hash stand for them. Libraries' own records join the same stream.
"""

from __future__ import annotations

import hashlib
import logging
import sys
from typing import Any

import structlog
from structlog.typing import Processor

from cellblock.api.errors import CLIENT_GONE
from cellblock.app.log_lines import LogLines
from cellblock.events import RequestServed, RunEnded
from cellblock.model import Job, Outcome

_FIRST_SERVER_ERROR = 500
_HASH_DIGITS = 16
_NOBODY_READ = (0, CLIENT_GONE)
"""The client had left; told at level debug only, for clients can come and leave by the thousand."""
_WATCHING_ROUTES = frozenset(("/api/health", "/api/health/ready", "/metrics"))
"""Asked for every few seconds by machines: told at level debug only."""

_log = structlog.get_logger("cellblock.served")


class _Ours:
    """What structlog calls with each finished line."""

    def __init__(self, lines: LogLines) -> None:
        self.debug = self.info = self.warning = lines.put
        self.error = self.critical = lines.put_now


class _Theirs(logging.Handler):
    """What libraries' own records come through."""

    def __init__(self, lines: LogLines) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record)
        except Exception:  # noqa: BLE001  # a record that cannot be put into words is not worth a request
            self.handleError(record)
            return
        (self._lines.put_now if record.levelno >= logging.ERROR else self._lines.put)(line)


def configure(level: str, log_format: str = "auto") -> LogLines:
    """Send every record of ``level`` and above to standard error; ``auto`` is text on a terminal.

    The answer is where all lines go; errors are written at once, whatever happens to the others.
    """
    # A process that was started without one must not write into whatever has its number now.
    lines = LogLines(None if sys.stderr is None else sys.stderr.fileno())
    is_terminal = sys.stderr is not None and sys.stderr.isatty()
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    as_text = log_format == "text" or (log_format == "auto" and is_terminal)
    # Plain tracebacks, for the ornate ones print local variables: programs, inputs, secrets.
    finish: list[Processor] = (
        [structlog.dev.ConsoleRenderer(colors=is_terminal, exception_formatter=structlog.dev.plain_traceback)]
        if as_text
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    threshold = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*shared, *finish],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=lambda *_: _Ours(lines),
        cache_logger_on_first_use=True,
    )
    handler = _Theirs(lines)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *finish],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(threshold)
    # What these say of an ordinary start repeats ours; their warnings are worth having.
    for library in ("uvicorn", "alembic"):
        logging.getLogger(library).setLevel(max(threshold, logging.WARNING))
    return lines


def request_served(event: RequestServed) -> None:
    """Write one line for a request; a path that is no route's is not shown, it may be anything."""
    if event.status >= _FIRST_SERVER_ERROR:
        write = _log.warning
    elif event.route in _WATCHING_ROUTES or event.status in _NOBODY_READ:
        write = _log.debug
    else:
        write = _log.info
    write(
        "request",
        request=event.request_id,
        method=event.method,
        route=event.route,
        status=event.status,
        duration_ms=_ms(event.duration_s),
        request_bytes=event.request_bytes,
        response_bytes=event.response_bytes,
        peer=event.peer,
        submission=event.submission_id,
        key=event.caller,
    )


def run_ended(event: RunEnded) -> None:
    """Write one line for a program that ended."""
    _log.info(
        "submission_finished" if event.kept else "execution_finished",
        **{"submission" if event.kept else "request": event.id},
        ending=event.ending.value,
        language=event.language,
        profile=event.profile.value,
        **_program(event.job),
        **_result(event.outcome),
        queue_ms=_ms(event.queue_s),
        supervisor_ms=_ms(event.supervisor_s),
        store_ms=_ms(event.store_s),
        total_ms=_ms(event.total_s),
    )


def _program(job: Job | None) -> dict[str, Any]:
    if job is None:
        return {}
    digest = hashlib.sha256(job.files[0].content).hexdigest()[:_HASH_DIGITS]
    return {
        "code_sha256": digest,
        "code_bytes": sum(len(file.content) for file in job.files),
        "files": len(job.files),
        "stdin_bytes": len(job.stdin),
    }


def _result(outcome: Outcome | None) -> dict[str, Any]:
    if outcome is None:
        return {}
    return {
        "verdict": outcome.verdict.value,
        "cause": outcome.evidence.verdict_cause.value,
        "exit_code": outcome.exit_code,
        "signal": outcome.signal,
        "stdout_bytes": len(outcome.stdout),
        "stderr_bytes": len(outcome.stderr),
    }


def _ms(duration_s: float | None) -> float | None:
    return None if duration_s is None else round(duration_s * 1000, 3)
