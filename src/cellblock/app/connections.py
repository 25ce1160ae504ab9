"""All connections of the service: how many there may be, how long each may keep us waiting, who has to go.

A connection *waits* while the next move is its client's: it has sent no complete request, or does not
take its answer. Waiting connections stand in the order in which they began to; where room is needed
the first one is closed. One whose request is in work is never closed to make room.

Nothing here costs a timer per connection: each states the time at which it is late, as an attribute,
and one sweep looks at them all twice a second.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Protocol

import structlog
from uvicorn.server import ServerState

NEVER_S = inf

_TELL_EVERY_S = 10

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What one client, and all of them together, may ask of us."""

    connections: int
    head_max_bytes: int
    head_timeout_s: float
    body_timeout_s: float
    answer_timeout_s: float
    held_bodies_max_bytes: int
    """Of request bodies that are not complete, over all connections."""
    body_max_bytes: Callable[[str], int]
    """The largest body that a path takes."""
    error_body: Callable[[str, int, str, str], bytes]
    """JSON for a path, a status, a message and the name of the request."""
    on_cut_off: Callable[[str], None] = lambda _: None
    """Told of each client that is refused or cut off: the status, ``room``, ``idle`` or ``stalled``."""


class Connection(Protocol):
    """What is asked of a connection here."""

    late_at_s: float
    """``loop.time()`` from which on the client is late with its request; ``NEVER_S`` while we work."""
    stalled_at_s: float
    """The same for an answer that fills its buffers; ``NEVER_S`` while it does not."""

    def when_late(self, now_s: float) -> None:
        """Close, refuse or grant more time."""

    def refuse(self, status: int, message: str) -> None:
        """Answer and close."""

    def drop(self) -> None:
        """Close at once, without an answer."""


class Connections(ServerState):
    """What uvicorn shares between connections, with bounds."""

    def __init__(self, bounds: Bounds) -> None:
        super().__init__()
        self.bounds = bounds
        self._waiting: OrderedDict[Connection, None] = OrderedDict()
        self._bodies: OrderedDict[Connection, int] = OrderedDict()
        self._held_bytes = 0
        self._closed_for: Counter[str] = Counter()
        self._tell_at_s = 0.0

    def admit(self, connection: Connection) -> None:
        """Take a new connection in and, where there are too many, let the one go that waits longest."""
        self._waiting[connection] = None
        if len(self.connections) > self.bounds.connections:
            longest = next(iter(self._waiting))
            if longest is connection:
                connection.refuse(503, "too many requests are in work, try again later")
            else:
                self.note("room")
                longest.drop()

    def waits(self, connection: Connection) -> None:
        """From now on the next move is the client's."""
        self._waiting[connection] = None
        self._waiting.move_to_end(connection)

    def works(self, connection: Connection) -> None:
        """From now on the next move is ours."""
        self._waiting.pop(connection, None)

    def hold_body(self, connection: Connection, body_bytes: int) -> None:
        """Count what came of a body that is not complete; too much in all ends the one held longest."""
        self._held_bytes += body_bytes - self._bodies.get(connection, 0)
        self._bodies[connection] = body_bytes
        while self._held_bytes > self.bounds.held_bodies_max_bytes:
            longest = next(iter(self._bodies))
            self.release_body(longest)
            longest.refuse(503, "too many request bodies are on their way, try again later")

    def release_body(self, connection: Connection) -> None:
        """The body is complete, or will never be."""
        self._held_bytes -= self._bodies.pop(connection, 0)

    def forget(self, connection: Connection) -> None:
        """The connection is closed."""
        self._waiting.pop(connection, None)
        self.release_body(connection)

    def note(self, reason: str) -> None:
        """Count a client that was refused or cut off; the log gets the sums, so that nobody can fill it."""
        self._closed_for[reason] += 1
        self.bounds.on_cut_off(reason)

    def sweep(self, now_s: float) -> None:
        """Attend to every connection that is late."""
        late = [
            connection
            for connection in self.connections
            if now_s >= connection.late_at_s or now_s >= connection.stalled_at_s  # type: ignore[union-attr]
        ]
        for connection in late:
            connection.when_late(now_s)  # type: ignore[union-attr]
        if self._closed_for and now_s >= self._tell_at_s:
            self._tell_at_s = now_s + _TELL_EVERY_S
            _log.info("clients_cut_off", connections=len(self.connections), **self._closed_for)
            self._closed_for.clear()
