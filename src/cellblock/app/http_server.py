"""uvicorn as this service runs it: our protocol, our bounds, our signals."""

from __future__ import annotations

import asyncio
import contextlib
import math
import resource
import socket
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import structlog
import uvicorn

from cellblock.api.errors import Dialect, dialect_of, refusal_body
from cellblock.app.connections import Bounds, Connections
from cellblock.app.http import BoundedHttp
from cellblock.config import Settings

BACKLOG = 1024

_LAST_ANSWERS_S = 1
"""For answers that are on their way when everything else has ended."""
_TICKS_BETWEEN_SWEEPS = 5
"""Of uvicorn's, which are a tenth of a second apart."""
_LEAST_CONNECTIONS = 16
_DESCRIPTORS_FOR_OTHERS = 128
"""The store, the supervisor's socket, logs, and connections that are accepted before one is closed."""
_BODIES_HELD_AT_ONCE = 16

_log = structlog.get_logger(__name__)


def configuration(app: Any, settings: Settings) -> uvicorn.Config:
    """Return how uvicorn is to serve ``app``, everything imported."""
    http = uvicorn.Config(
        app,
        http=BoundedHttp,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=math.ceil(settings.keep_alive_timeout_ms / 1000),
        timeout_graceful_shutdown=_LAST_ANSWERS_S,
    )
    http.load()
    return http


def bounds(
    settings: Settings, dialects: Sequence[Dialect], on_cut_off: Callable[[str], None] = lambda _: None
) -> Bounds:
    """Return the bounds that the settings state and this process' descriptors allow."""
    connections = min(settings.connections_max, _possible_connections())
    if connections < settings.connections_max:
        _log.warning("fewer_connections", connections=connections, wanted=settings.connections_max)
    return Bounds(
        connections=connections,
        head_max_bytes=settings.head_max_bytes,
        head_timeout_s=settings.head_timeout_ms / 1000,
        body_timeout_s=settings.body_timeout_ms / 1000,
        answer_timeout_s=settings.answer_timeout_ms / 1000,
        held_bodies_max_bytes=_BODIES_HELD_AT_ONCE * max(dialect.body_max_bytes for dialect in dialects),
        body_max_bytes=lambda path: dialect_of(dialects, path).body_max_bytes,
        error_body=partial(refusal_body, dialects),
        on_cut_off=on_cut_off,
    )


def raise_descriptor_limit() -> None:
    """Allow this process as many descriptors as it may ever have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class HttpServer(uvicorn.Server):
    """uvicorn with bounds, and with the signals left to others: a drain comes before sockets are closed."""

    def __init__(
        self, http_config: uvicorn.Config, http_bounds: Bounds, on_started: Callable[[], None]
    ) -> None:
        super().__init__(http_config)
        self.server_state = self._connections = Connections(http_bounds)
        self._on_started = on_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Call ``on_started`` once connections are accepted."""
        await super().startup(sockets)
        self._on_started()

    async def on_tick(self, counter: int) -> bool:
        """Look for connections that are late, beside what uvicorn does at a tick."""
        if counter % _TICKS_BETWEEN_SWEEPS == 0:
            self._connections.sweep(asyncio.get_running_loop().time())
        return await super().on_tick(counter)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them alone."""
        yield


def _possible_connections() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    # RLIM_INFINITY is -1 here.
    return max(_LEAST_CONNECTIONS, soft - _DESCRIPTORS_FOR_OTHERS) if soft >= 0 else 1_000_000
