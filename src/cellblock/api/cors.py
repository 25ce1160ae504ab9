"""Whose web pages may call the API from a browser.

Keys travel in headers, so credentials (cookies) are never allowed, and any page's answer is the same
for everybody. What is refused is refused by the browser: it misses the headers that would allow it.
"""

from __future__ import annotations

from collections.abc import Sequence

from litestar.types import ASGIApp, Message, Receive, Scope, Send

ALLOWED_HEADERS = ("authorization", "content-type", "idempotency-key", "x-api-key", "x-request-id")
EXPOSED_HEADERS = (
    "retry-after",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "x-request-id",
)
_ALLOWED_METHODS = ("GET", "POST")
_PREFLIGHT_KEPT_S = 600
_ANY = "*"

Headers = list[tuple[bytes, bytes]]


class CrossOrigin:
    """An ASGI application that answers preflights itself, before anything asks for a key."""

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        """Wrap ``app``; ``origins`` are allowed, ``*`` stands for all."""
        self._app = app
        self._any = _ANY in origins
        self._origins = frozenset(origin.encode() for origin in origins)
        self._exposed = (b"access-control-expose-headers", ", ".join(EXPOSED_HEADERS).encode())
        self._preflight: Headers = [
            (b"access-control-allow-methods", ", ".join(_ALLOWED_METHODS).encode()),
            (b"access-control-allow-headers", ", ".join(ALLOWED_HEADERS).encode()),
            (b"access-control-max-age", str(_PREFLIGHT_KEPT_S).encode()),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a preflight, or let the request through and say who may read its answer."""
        sent = dict(scope["headers"])
        origin = sent.get(b"origin")
        allowed = self._allowed(origin)
        if origin is not None and scope["method"] == "OPTIONS" and b"access-control-request-method" in sent:  # type: ignore[typeddict-item]  # lifespan is off, there is only HTTP
            preflight = [*allowed, *self._preflight] if self._allows(origin) else allowed
            await send({"type": "http.response.start", "status": 204, "headers": preflight})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        shown = [*allowed, self._exposed] if self._allows(origin) else allowed

        async def allowing_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *shown]
            await send(message)

        await self._app(scope, receive, allowing_send)

    def _allows(self, origin: bytes | None) -> bool:
        return origin is not None and (self._any or origin in self._origins)

    def _allowed(self, origin: bytes | None) -> Headers:
        """Return who may read the answer; ``vary`` keeps caches from giving it to somebody else."""
        if self._any:
            return [(b"access-control-allow-origin", b"*")]
        vary = (b"vary", b"Origin")
        if origin is not None and self._allows(origin):
            return [(b"access-control-allow-origin", origin), vary]
        return [vary]
