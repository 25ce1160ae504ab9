"""The privileged process: takes jobs from a unix socket, runs them, answers.

It parses one message format, from a peer that the socket's directory lets in, and of submissions nothing
but the beginning of a Java source, for the name of its file. A peer that goes away ends its runs; SIGTERM
ends everything and leaves nothing.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Coroutine
from functools import partial

from cellblock.config import Settings
from cellblock.engine.installation import Installation
from cellblock.engine.run import Engine, UnknownLanguageError
from cellblock.engine.self_test import check_runtimes
from cellblock.errors import CellLostError, HostError, RequestRefused
from cellblock.languages.registry import Registry
from cellblock.model import SupervisorStatus
from cellblock.sandbox.host import Host
from cellblock.supervisor.frames import MAX_PAYLOAD_BYTES, Connection, ProtocolError
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
    decode_request,
    encode,
)

log = logging.getLogger(__name__)

_MOST_PEERS = 6
"""A service and whoever looks at the host beside it; each may hold a request that has not come whole."""
_HELD_BYTES = MAX_PAYLOAD_BYTES
"""When the unanswered requests of all peers come to this, nothing more is read from any until some end."""
_REQUEST_BYTES = 16 * 1024
"""What a request costs besides its own bytes."""
_REQUEST_MAX_BYTES = 129 * 1024 * 1024
"""Of the settings no ceiling allows sources and input of more than 128 MiB; what was accepted may have come
under other settings than today's."""


class SupervisorServer:
    """One supervisor: a host, an engine, any number of connected services (usually one)."""

    def __init__(
        self, settings: Settings, host: Host, registry: Registry, installation: Installation
    ) -> None:
        """Serve jobs on ``host``; ``start`` begins to listen."""
        self._settings = settings
        self._host = host
        self._registry = registry
        self._installation = installation
        self._engine = Engine(settings, host, registry, installation)
        self._engine.compile_cache.on_change = self._tell_cache
        self._checking = asyncio.Lock()
        self._probing = asyncio.Lock()
        self._slots = asyncio.Semaphore(settings.worker_slots)
        self._peers: set[_Peer] = set()
        self._held_bytes = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    @property
    def status(self) -> SupervisorStatus:
        """What can be run here and now."""
        return SupervisorStatus(
            enforcement_mode=self._host.enforcement_mode,
            isolation_mode=self._host.isolation_mode,
            cgroup_backend=self._host.cgroup_backend,
            namespace_support=self._host.namespace_support,
            slots=self._settings.worker_slots,
            languages=self._engine.availability.statuses,
            problems=self._host.problems,
        )

    async def start(self, listener: socket.socket) -> None:
        """Answer on ``listener``, and check the languages meanwhile: each is offered when it has passed."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(partial(_Peer, self), sock=listener)
        self.look_again()  # beside us, so that one who is told to end need not wait for it

    async def check_languages(self, *, anew: bool = False) -> None:
        """Look at what is installed and check every runtime; peers hear of each as it is found."""
        async with self._checking:
            try:
                await self._host.set_roots(self._installation.reload())
            except HostError as error:
                log.error("the installed toolchains cannot be used: %s", error)  # noqa: TRY400  # told whole
            await check_runtimes(
                self._engine, self._registry, self._installation, self._tell_status, anew=anew
            )

    def look_again(self) -> None:
        """Check the languages in the background: something was installed."""
        self._in_background(self.check_languages())

    def _in_background(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _tell_status(self) -> None:
        self._tell(StatusMessage(self.status))

    def _tell_cache(self) -> None:
        self._tell(CacheMessage(self._engine.compile_cache.size_bytes))

    def _tell(self, message: StatusMessage | CacheMessage) -> None:
        frame = encode(message)
        for peer in self._peers:
            peer.send(frame)

    async def close(self) -> None:
        """Stop listening and end every run."""
        if self._server:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._engine.compile_cache.close()
        for peer in self._peers:
            peer.close()

    def greet(self, peer: _Peer) -> None:
        """Begin to tell a peer how things stand, unless there are too many."""
        if len(self._peers) >= _MOST_PEERS:
            log.warning("a peer was turned away: %d are connected", _MOST_PEERS)
            peer.abort()
            return
        self._peers.add(peer)
        peer.send(encode(StatusMessage(self.status)))
        peer.send(encode(CacheMessage(self._engine.compile_cache.size_bytes)))

    def forget(self, peer: _Peer) -> None:
        """Tell a peer nothing more."""
        self._peers.discard(peer)

    def hold(self, size_bytes: int) -> None:
        """Count a request that has come."""
        self._held_bytes += size_bytes
        if self._held_bytes >= _HELD_BYTES:
            for peer in self._peers:
                peer.pause_reading()

    def settle(self, size_bytes: int) -> None:
        """Count it no more."""
        self._held_bytes -= size_bytes
        if self._held_bytes < _HELD_BYTES:
            for peer in self._peers:
                peer.resume_reading()

    def begin(self, request: RunRequest | ProbeRequest, peer: _Peer) -> asyncio.Task[None]:
        """Serve one request; cancelling the task ends its run, and then it is not answered."""
        return self._in_background(self._answer(request, peer))

    async def _answer(self, request: RunRequest | ProbeRequest, peer: _Peer) -> None:
        try:
            frame = encode(await self._reply_to(request))
        except Exception:  # the peer waits for an answer, whatever went wrong here
            log.exception("request failed")
            frame = encode(FailureReply(request.seq, "internal error of the supervisor; its log says more"))
        peer.send(frame)

    async def _reply_to(self, request: RunRequest | ProbeRequest) -> Reply:
        match request:
            case RunRequest(seq, job):
                async with self._slots:
                    try:
                        return RunReply(seq, await self._engine.run(job))
                    except UnknownLanguageError as error:
                        return FailureReply(seq, str(error))
                    except CellLostError as error:
                        log.warning("job %s: %s", job.id, error)
                        return LostReply(seq, str(error))
                    except RequestRefused as refusal:
                        return RefusalReply(seq, refusal.message)
            case ProbeRequest(seq):
                async with self._probing, self._slots:  # a probe takes a cell, as a run does
                    features = await self._host.probe()
                await self.check_languages(anew=True)
                return ProbeReply(seq, (*features, *self._engine.availability.features))


class _Peer(Connection):
    """One service that is connected. When it goes or breaks the protocol, its runs end."""

    def __init__(self, server: SupervisorServer) -> None:
        super().__init__(payload_max_bytes=_REQUEST_MAX_BYTES, most_attachments=0)
        self._server = server
        self._requests: dict[int, asyncio.Task[None]] = {}

    def opened(self) -> None:
        self._server.greet(self)

    def received(self, payload: bytes, attachments: tuple[bytes, ...]) -> None:
        request: Request = decode_request(payload, attachments)
        if isinstance(request, CancelRequest):
            if request.seq in self._requests:
                self._requests[request.seq].cancel()
            return
        if request.seq in self._requests:
            raise ProtocolError(f"request {request.seq} is asked for again before its answer")
        sequence, size_bytes = request.seq, len(payload) + _REQUEST_BYTES
        self._server.hold(size_bytes)
        task = self._requests[sequence] = self._server.begin(request, self)
        task.add_done_callback(lambda _: self._settle(sequence, size_bytes))

    def closed(self, error: Exception | None) -> None:
        if error is not None:
            log.warning("peer disconnected: %s", error)
        self._server.forget(self)
        for task in self._requests.values():
            task.cancel()

    def _settle(self, sequence: int, size_bytes: int) -> None:
        del self._requests[sequence]
        self._server.settle(size_bytes)
