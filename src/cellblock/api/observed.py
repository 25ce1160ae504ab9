"""Around everything else: each request gets a name, and is told of once it is served."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from litestar.types import ASGIApp, Message, Receive, Scope, Send

from cellblock.api.names import new_name
from cellblock.api.stopwatch import Stopwatch
from cellblock.events import RequestServed

_SANE = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._:+/=@-]{0,127}")


class Observed:
    """An ASGI application whose answers carry ``x-request-id``.

    The caller's own id is taken where it is sane: it ends up in logs and in error bodies. What a request
    takes for as long as it is served is given back by the ``ExitStack`` of its state, ``until_served``.
    """

    def __init__(self, app: ASGIApp, tell: Callable[[RequestServed], None]) -> None:
        """Wrap ``app``; ``tell`` is called when an answer has been handed over."""
        self._app = app
        self._tell = tell

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        started_s = time.perf_counter()
        sent: dict[bytes, bytes] = dict(scope["headers"])
        request_id = _request_id(sent.get(b"x-request-id"))
        state: dict[str, Any] = scope.setdefault("state", {})
        state["request_id"] = request_id
        until_served = state["until_served"] = ExitStack()
        stopwatch = state["stopwatch"] = Stopwatch()
        name = (b"x-request-id", request_id.encode())
        status = response_bytes = 0

        async def watched_send(message: Message) -> None:
            nonlocal status, response_bytes
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], name]
            elif message["type"] == "http.response.body":
                response_bytes += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, watched_send)
        except Exception:
            if not state.get("broken_off"):  # else it has been told, and the server closes what is not whole
                raise
        finally:
            until_served.close()
            stopwatch.served()
            announced = sent.get(b"content-length", b"")
            client = scope.get("client")
            self._tell(
                RequestServed(
                    request_id=request_id,
                    method=scope["method"],  # type: ignore[typeddict-item]  # lifespan is off, there is only HTTP
                    route=scope.get("path_template"),
                    status=status,
                    duration_s=time.perf_counter() - started_s,
                    request_bytes=int(announced) if announced.isdigit() else None,
                    response_bytes=response_bytes,
                    peer=client[0] if client else None,
                    submission_id=state.get("submission_id"),
                    caller=state.get("caller"),
                    parts_s=stopwatch.parts_s,
                )
            )


def _request_id(sent: bytes | None) -> str:
    return sent.decode() if sent is not None and _SANE.fullmatch(sent) else new_name()
