"""Every failure as a JSON answer. In this dialect an error body is exactly ``{"error": text}``."""

from __future__ import annotations

from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.types import ExceptionHandlersMap

from cellblock.errors import RequestRefused, StoreError

_log = structlog.get_logger(__name__)
_STORE_RETRY_AFTER_S = 1

AnyRequest = Request[Any, Any, Any]


def json_response(status: int, body: object, headers: dict[str, str] | None = None) -> Response[bytes]:
    """Return ``body`` encoded as JSON."""
    return Response(
        content=msgspec.json.encode(body),
        status_code=status,
        headers=headers,
        media_type="application/json",
    )


def exception_handlers(*, body_max_bytes: int) -> ExceptionHandlersMap:
    """Return what turns exceptions into answers."""

    def http_error(request: AnyRequest, error: HTTPException) -> Response[bytes]:
        match error.status_code:
            case 404:
                text = f"no such route: {request.url.path}"
            case 405:
                text = f"method {request.method} is not allowed here"
            case 413:
                text = f"request body too large: at most {body_max_bytes} bytes are allowed"
            case _:
                text = error.detail
        if error.status_code >= 500:  # noqa: PLR2004  # the HTTP class of server errors
            _log.warning("request_failed", path=request.url.path, error=error.detail)
        return json_response(error.status_code, {"error": text}, dict(error.headers or {}))

    return {
        RequestRefused: _refused,
        StoreError: _store_failed,
        HTTPException: http_error,
        Exception: _unexpected,
    }


def _refused(_request: AnyRequest, error: RequestRefused) -> Response[bytes]:
    headers = {} if error.retry_after_s is None else {"retry-after": str(error.retry_after_s)}
    return json_response(error.status, {"error": error.message}, headers)


def _store_failed(request: AnyRequest, error: StoreError) -> Response[bytes]:
    _log.error("store_failed", path=request.url.path, error=str(error))
    return json_response(
        503,
        {"error": "the store cannot be reached, try again later"},
        {"retry-after": str(_STORE_RETRY_AFTER_S)},
    )


def _unexpected(request: AnyRequest, error: Exception) -> Response[bytes]:
    _log.error("unexpected_failure", path=request.url.path, exc_info=error)
    return json_response(500, {"error": "internal error: the service's log says what happened"})
