"""A load generator for many small requests: prepared bytes out, status and body in, nothing else parsed.

One thread, any number of connections; in Python, but light: about 50 µs a request.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

_END_OF_HEAD = b"\r\n\r\n"
_PATIENCE_S = 60


class Answer(NamedTuple):
    """One answer, and how long it took from the moment when its request was due."""

    status: int
    body: bytes
    took_s: float
    retry_after: bool


class Tally:
    """What came back."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.statuses: Counter[int] = Counter()
        self.times_s: list[float] = []
        self.without_retry_after = 0
        self.bodies: list[bytes] = []
        self.elapsed_s = 0.0
        """From the first request to the last answer, which may come after the end of the round."""

    @property
    def per_s(self) -> float:
        """Answers a second."""
        return len(self.times_s) / self.elapsed_s

    def add(self, answer: Answer, *, keep_body: bool) -> None:
        """Count one answer."""
        self.statuses[answer.status] += 1
        self.times_s.append(answer.took_s)
        if answer.status == 503 and not answer.retry_after:  # noqa: PLR2004
            self.without_retry_after += 1
        if keep_body:
            self.bodies.append(answer.body)

    def percentile_ms(self, percent: float) -> float:
        """Return the time that ``percent`` % of the answers did not exceed."""
        ordered = sorted(self.times_s)
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] * 1000


def submission(code: str, language: str, *, query: str = "") -> bytes:
    """Return the bytes of a request that submits ``code``."""
    body = json.dumps({"language": language, "code": code}).encode()
    head = (
        f"POST /api/submit{query} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def closed_loop(
    port: int, connections: int, duration_s: float, make: Callable[[], bytes], *, keep_bodies: bool = False
) -> Tally:
    """Have each connection send its next request when the last one is answered."""
    tally = Tally()
    opened = [await _Connection.open(port) for _ in range(connections)]
    start_s = time.perf_counter()
    end_s = start_s + duration_s

    async def work(connection: _Connection) -> None:
        while (now_s := time.perf_counter()) < end_s:
            tally.add(await connection.ask(make(), now_s), keep_body=keep_bodies)
        connection.close()

    await asyncio.gather(*map(work, opened))
    tally.elapsed_s = time.perf_counter() - start_s
    return tally


async def open_loop(
    port: int,
    per_s: float,
    duration_s: float,
    make: Callable[[], bytes],
    *,
    connections: int = 200,
    keep_bodies: bool = False,
) -> Tally:
    """Send at fixed moments whatever comes back; waiting for a free connection counts as lateness."""
    tally = Tally()
    free: asyncio.Queue[_Connection] = asyncio.Queue()
    for _ in range(connections):
        free.put_nowait(await _Connection.open(port))

    async def ask(due_s: float) -> None:
        connection = await free.get()
        tally.add(await connection.ask(make(), due_s), keep_body=keep_bodies)
        free.put_nowait(connection)

    start_s = time.perf_counter()
    asked = set()
    for number in range(max(1, int(per_s * duration_s))):
        due_s = start_s + number / per_s
        if (early_s := due_s - time.perf_counter()) > 0:
            await asyncio.sleep(early_s)
        task = asyncio.create_task(ask(due_s))
        asked.add(task)
        task.add_done_callback(asked.discard)
    if asked:
        await asyncio.wait_for(asyncio.gather(*asked), _PATIENCE_S)
    while not free.empty():
        free.get_nowait().close()
    return tally


class _Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self.transport: asyncio.Transport
        self._received = b""
        self._answer: asyncio.Future[tuple[int, bytes, bool]] | None = None

    @classmethod
    async def open(cls, port: int) -> _Connection:
        transport, protocol = await asyncio.get_running_loop().create_connection(cls, "127.0.0.1", port)
        protocol.transport = transport
        return protocol

    async def ask(self, request: bytes, due_s: float) -> Answer:
        self._answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        status, body, retry_after = await self._answer
        return Answer(status, body, time.perf_counter() - due_s, retry_after)

    def close(self) -> None:
        self.transport.close()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head_end = self._received.find(_END_OF_HEAD)
        if head_end < 0 or self._answer is None:
            return
        head = self._received[:head_end].lower()
        _, _, length = head.partition(b"content-length: ")
        total = head_end + len(_END_OF_HEAD) + int(length.partition(b"\r\n")[0])
        if len(self._received) < total:
            return
        body = self._received[head_end + len(_END_OF_HEAD) : total]
        self._received = self._received[total:]
        self._answer.set_result((int(head[9:12]), body, b"retry-after" in head))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionError("the service closed the connection"))
