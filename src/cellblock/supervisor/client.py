"""The unprivileged side of the supervisor's socket: jobs out, outcomes in, over one connection.

The path's permissions decide who is at the other end: the parent made the socket in a directory
that only it can write. Whoever holds a client never waits for a connection: calls made while
there is none fail at once, and ``on_change`` tells when that is over.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from cellblock.errors import CellblockError, RequestRefused, SupervisorLostError, SupervisorUnavailableError
from cellblock.model import Job, Outcome, Remedy, SupervisorStatus
from cellblock.supervisor.frames import Connection
from cellblock.supervisor.messages import (
    CacheMessage,
    CancelRequest,
    FailureReply,
    LostReply,
    ProbeReply,
    ProbeRequest,
    RefusalReply,
    Reply,
    Request,
    RunReply,
    RunRequest,
    StatusMessage,
    decode_reply,
    encode,
)

T = TypeVar("T")
_FIRST_RETRY_S = 0.01
_LONGEST_RETRY_S = 0.1
_UNFIT = 400


class SupervisorRefusedError(CellblockError):
    """The supervisor could not serve the request at all; the message is its own."""


class SupervisorClient:
    """A connection to the supervisor that restores itself.

    Use ``start`` and ``close`` inside one running event loop.
    """

    def __init__(self, path: Path) -> None:
        """Speak to the supervisor behind the unix socket ``path``."""
        self._path = path
        self.compile_cache_bytes = 0
        """How much memory the supervisor's compile cache holds, as it last said."""
        self._status: SupervisorStatus | None = None
        self._ready = asyncio.Event()
        self._on_change: Callable[[], None] = lambda: None
        self._sequence = itertools.count(1)
        self._runs: dict[int, asyncio.Future[Outcome]] = {}
        self._probes: dict[int, asyncio.Future[tuple[Remedy, ...]]] = {}
        self._link: _Link | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def status(self) -> SupervisorStatus | None:
        """What the supervisor last said about itself; ``None`` while none is connected."""
        return self._status

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` whenever ``status`` changed."""
        self._on_change = callback

    async def start(self) -> None:
        """Begin to connect, and keep at it until ``close``."""
        self._task = asyncio.create_task(self._stay_connected(), name="supervisor-client")

    async def wait_ready(self) -> SupervisorStatus:
        """Wait until a supervisor is connected and has told its status."""
        while self._status is None:
            await self._ready.wait()
        return self._status

    async def close(self) -> None:
        """Disconnect; what is still in flight fails with ``SupervisorLostError``."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def begin_run(self, job: Job) -> asyncio.Future[Outcome]:
        """Hand the job over now; the future gets the outcome, or fails as ``run`` does.

        Whoever cancels the future ends the program. Raises ``SupervisorUnavailableError``, and only
        then nothing was started.
        """
        sequence = next(self._sequence)
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._send(RunRequest(sequence, job))
        self._runs[sequence] = future
        future.add_done_callback(lambda done: self._give_up(sequence) if done.cancelled() else None)
        return future

    async def run(self, job: Job) -> Outcome:
        """Run one job to its end, or until the awaiting task is cancelled: then the program is ended.

        Raises ``SupervisorUnavailableError`` (nothing was started), ``SupervisorLostError`` (it
        went away meanwhile), ``SupervisorRefusedError`` (it could not serve this job) or
        ``RequestRefused`` (nobody could).
        """
        return await self.begin_run(job)

    async def probe(self) -> tuple[Remedy, ...]:
        """Look at the host again; raises as ``run`` does."""
        sequence = next(self._sequence)
        future: asyncio.Future[tuple[Remedy, ...]] = asyncio.get_running_loop().create_future()
        self._send(ProbeRequest(sequence))
        self._probes[sequence] = future
        return await future

    def _give_up(self, sequence: int) -> None:
        """End a run whose outcome nobody waits for any more, unless it has been told meanwhile."""
        if self._runs.pop(sequence, None) is not None and self._link is not None:
            self._link.send(encode(CancelRequest(sequence)))

    def _send(self, request: Request) -> None:
        if self._link is None or self._status is None:
            raise SupervisorUnavailableError(
                f"no supervisor answers on {self._path}; it is started again within a second"
            )
        # The worker's slots bound how much can be under way.
        self._link.send(encode(request))

    async def _stay_connected(self) -> None:
        loop = asyncio.get_running_loop()
        delay_s = _FIRST_RETRY_S
        while True:
            try:
                _, link = await loop.create_unix_connection(lambda: _Link(self._accept), str(self._path))
            except OSError:
                await asyncio.sleep(delay_s)
                delay_s = min(2 * delay_s, _LONGEST_RETRY_S)
                continue
            self._link = link
            reason = "the supervisor went away"
            try:
                if (error := await link.lost) is not None:
                    reason = f"the connection to the supervisor broke: {error}"
            finally:
                self._disconnected(link, reason)
            if link.was_heard:
                delay_s = _FIRST_RETRY_S
            await asyncio.sleep(delay_s)
            delay_s = min(2 * delay_s, _LONGEST_RETRY_S)

    def _accept(self, reply: Reply) -> None:
        match reply:
            case StatusMessage(status=status):
                self._status = status
                self._ready.set()
                self._on_change()
            case CacheMessage(size_bytes=size_bytes):
                self.compile_cache_bytes = size_bytes
            case RunReply(seq=sequence, outcome=outcome):
                _resolve(self._runs.pop(sequence, None), outcome)
            case ProbeReply(seq=sequence, features=features):
                _resolve(self._probes.pop(sequence, None), features)
            case LostReply(seq=sequence, message=message):
                _fail(self._runs.pop(sequence, None), SupervisorLostError(message))
            case RefusalReply(seq=sequence, message=message):
                _fail(self._runs.pop(sequence, None), RequestRefused(_UNFIT, message))
            case FailureReply(seq=sequence, message=message):
                error = SupervisorRefusedError(message)
                _fail(self._runs.pop(sequence, None), error)
                _fail(self._probes.pop(sequence, None), error)

    def _disconnected(self, link: _Link, reason: str) -> None:
        link.abort()
        self._link = None
        self._ready.clear()
        self.compile_cache_bytes = 0
        error = SupervisorLostError(reason)
        for run in self._runs.values():
            _fail(run, error)
        for probe in self._probes.values():
            _fail(probe, error)
        self._runs.clear()
        self._probes.clear()
        if self._status is not None:
            self._status = None
            self._on_change()


class _Link(Connection):
    """The connection, for as long as it lasts."""

    def __init__(self, accept: Callable[[Reply], None]) -> None:
        super().__init__()
        self.was_heard = False
        self.lost: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        self._accept = accept

    def received(self, payload: bytes, attachments: tuple[bytes, ...]) -> None:
        if not self.lost.done():
            reply = decode_reply(payload, attachments)
            self.was_heard = True
            self._accept(reply)

    def closed(self, error: Exception | None) -> None:
        if not self.lost.done():
            self.lost.set_result(error)


def _resolve(future: asyncio.Future[T] | None, result: T) -> None:
    if future is not None and not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[T] | None, error: CellblockError | RequestRefused) -> None:
    if future is not None and not future.done():
        future.set_exception(error)
