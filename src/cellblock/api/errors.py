"""Every failure as a JSON answer, in the shape of the dialect whose route was asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.types import ExceptionHandlersMap
from msgspec import Struct

from cellblock.api.names import new_name
from cellblock.errors import CellblockError, RequestRefused, StoreError
from cellblock.events import StoreFailed

_log = structlog.get_logger(__name__)
_STORE_RETRY_AFTER_S = 1
_FIRST_SERVER_ERROR = _INTERNAL = 500
CLIENT_GONE = 499
"""Nobody reads it: the connection is closed. The metrics count it."""
_CLIENT_LEFT = "client disconnected prematurely"  # Litestar's words, with status 500; it is not our failure

AnyRequest = Request[Any, Any, Any]


class Failure(Struct, frozen=True, kw_only=True):
    """Why there is no other answer."""

    status: int
    message: str
    request_id: str
    """Stands in the log beside what went wrong."""
    code: str | None = None
    """The reason by name, where the status alone does not say it."""

    @property
    def is_logged(self) -> bool:
        """Whether the log says more, under ``request_id``."""
        return self.status == _INTERNAL


class Dialect(Struct, frozen=True, kw_only=True):
    """What the routes below one path have in common."""

    prefix: str
    body_max_bytes: int
    error_body: Callable[[Failure], object]


def request_id(request: AnyRequest) -> str:
    """Return the name of this request in logs and error bodies."""
    state: dict[str, Any] = request.scope.setdefault("state", {})
    return str(state.setdefault("request_id", new_name()))


def name_submission(request: AnyRequest, submission_id: str) -> None:
    """Have the log say which submission the request was about."""
    request.scope["state"]["submission_id"] = submission_id


def break_off(request: AnyRequest, why: str) -> None:
    """Tell that an answer is not ended: its connection is closed, so that nobody takes it for whole."""
    _log.warning("answer_broken_off", **_named(request), why=why)
    request.scope["state"]["broken_off"] = True


def json_response(status: int, body: object, headers: dict[str, str] | None = None) -> Response[bytes]:
    """Return ``body`` encoded as JSON."""
    return Response(
        content=msgspec.json.encode(body),
        status_code=status,
        headers=headers,
        media_type="application/json",
    )


def dialect_of(dialects: Sequence[Dialect], path: str) -> Dialect:
    """Return the first dialect whose prefix the path has, the last for what is no path, such as ``*``."""
    return next((dialect for dialect in dialects if path.startswith(dialect.prefix)), dialects[-1])


def refusal_body(dialects: Sequence[Dialect], path: str, status: int, message: str, request_id: str) -> bytes:
    """Return JSON for what is refused before there is a request; ``path`` begins with a slash."""
    failure = Failure(status=status, message=message, request_id=request_id)
    return msgspec.json.encode(dialect_of(dialects, path).error_body(failure))


def exception_handlers(
    dialects: Sequence[Dialect], on_store_failed: Callable[[StoreFailed], None]
) -> ExceptionHandlersMap:
    """Return what turns exceptions into answers; a path speaks the first dialect whose prefix it has."""
    answers = _Answers(dialects, on_store_failed)
    return {
        RequestRefused: answers.refused,
        StoreError: answers.store_failed,
        CellblockError: answers.failed,
        HTTPException: answers.http_error,
        Exception: answers.unexpected,
    }


class _Answers:
    """What is said to each kind of failure."""

    def __init__(self, dialects: Sequence[Dialect], on_store_failed: Callable[[StoreFailed], None]) -> None:
        self._dialects = dialects
        self._on_store_failed = on_store_failed

    def refused(self, request: AnyRequest, error: RequestRefused) -> Response[bytes]:
        headers = dict(error.headers)
        if error.retry_after_s is not None:
            headers["retry-after"] = str(error.retry_after_s)
        return self._answer(request, error.status, error.message, code=error.code, headers=headers)

    def http_error(self, request: AnyRequest, error: HTTPException) -> Response[bytes]:
        if error.detail == _CLIENT_LEFT:
            return self._answer(request, CLIENT_GONE, error.detail)
        match error.status_code:
            case 404:
                text = f"no such route: {request.url.path}"
            case 405:
                text = f"method {request.method} is not allowed here"
            case 413:
                limit_bytes = self._dialect_of(request).body_max_bytes
                text = f"request body too large: at most {limit_bytes} bytes are allowed"
            case _:
                text = error.detail
        if error.status_code >= _FIRST_SERVER_ERROR:
            _log.warning("request_failed", **_named(request), error=error.detail)
        return self._answer(request, error.status_code, text, headers=dict(error.headers or {}))

    def store_failed(self, request: AnyRequest, error: StoreError) -> Response[bytes]:
        self._on_store_failed(
            StoreFailed(reason=error.reason, message=str(error), request_id=request_id(request))
        )
        headers = {"retry-after": str(_STORE_RETRY_AFTER_S)}
        return self._answer(request, 503, f"{error.reason}, try again later", headers=headers)

    def failed(self, request: AnyRequest, error: CellblockError) -> Response[bytes]:
        _log.error("request_failed", **_named(request), error=str(error))
        return self._answer(request, 500, str(error))

    def unexpected(self, request: AnyRequest, error: Exception) -> Response[bytes]:
        _log.error("unexpected_failure", **_named(request), exc_info=error)
        return self._answer(request, 500, "internal error: the service's log says what happened")

    def _answer(
        self,
        request: AnyRequest,
        status: int,
        message: str,
        *,
        code: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Response[bytes]:
        failure = Failure(status=status, message=message, code=code, request_id=request_id(request))
        return json_response(status, self._dialect_of(request).error_body(failure), headers)

    def _dialect_of(self, request: AnyRequest) -> Dialect:
        return dialect_of(self._dialects, request.scope["path"])


def _named(request: AnyRequest) -> dict[str, str]:
    return {"path": request.url.path, "request": request_id(request)}
