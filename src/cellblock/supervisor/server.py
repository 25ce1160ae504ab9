"""The privileged process: takes jobs from a unix socket, runs them, answers.

It parses one message format, from a peer that the socket's directory lets in, and nothing of
the submissions. A peer that goes away ends its runs; SIGTERM ends everything and leaves nothing.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Coroutine
from contextlib import suppress
from functools import partial

from cellblock.config import Settings
from cellblock.engine.installation import Installation
from cellblock.engine.run import Engine, UnknownLanguageError
from cellblock.engine.self_test import check_runtimes
from cellblock.errors import CellblockError, CellLostError, HostError, RequestRefused
from cellblock.languages.registry import Registry
from cellblock.model import SupervisorStatus
from cellblock.sandbox.host import Host
from cellblock.supervisor.messages import (
    CancelRequest,
    FailureReply,
    LostReply,
    ProbeReply,
    ProbeRequest,
    RefusalReply,
    Reply,
    RunReply,
    RunRequest,
    StatusMessage,
    decode_request,
    encode_frame,
    read_frame,
)

log = logging.getLogger(__name__)


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
        self._checking = asyncio.Lock()
        self._slots = asyncio.Semaphore(settings.worker_slots)
        self._writers: set[asyncio.StreamWriter] = set()
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
        self._server = await asyncio.start_unix_server(self._serve, sock=listener)
        await self.check_languages()

    async def check_languages(self, *, anew: bool = False) -> None:
        """Look at what is installed and check every runtime; peers hear of each as it is found."""
        async with self._checking:
            try:
                self._host.set_roots(self._installation.reload())
            except HostError as error:
                log.error("the installed toolchains cannot be used: %s", error)  # noqa: TRY400  # told whole
            await check_runtimes(
                self._engine, self._registry, self._installation, self._tell_status, anew=anew
            )

    def look_again(self) -> None:
        """Check the languages in the background: something was installed."""
        self._in_background(self.check_languages())

    def _in_background(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _tell_status(self) -> None:
        for writer in self._writers:
            self._send(writer, StatusMessage(self.status))

    async def close(self) -> None:
        """Stop listening and end every run."""
        if self._server:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in list(self._writers):
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one peer until it goes or breaks the protocol; then its runs end too."""
        self._writers.add(writer)
        mine: dict[int, asyncio.Task[None]] = {}
        try:
            self._send(writer, StatusMessage(self.status))
            while (payload := await read_frame(reader)) is not None:
                request = decode_request(payload)
                if isinstance(request, CancelRequest):
                    if request.seq in mine:
                        mine[request.seq].cancel()
                    continue
                task = asyncio.create_task(self._answer(request, writer))
                mine[request.seq] = task
                task.add_done_callback(partial(_forget, mine, request.seq))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        except (CellblockError, OSError) as error:
            log.warning("peer disconnected: %s", error)
        finally:
            for task in list(mine.values()):
                task.cancel()
            self._writers.discard(writer)
            writer.close()

    async def _answer(self, request: RunRequest | ProbeRequest, writer: asyncio.StreamWriter) -> None:
        try:
            reply = await self._reply_to(request)
        except Exception:  # the peer waits for an answer, whatever went wrong here
            log.exception("request failed")
            reply = FailureReply(request.seq, "internal error of the supervisor; its log says more")
        with suppress(ConnectionError):  # the peer has gone meanwhile
            self._send(writer, reply)
            await writer.drain()

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
                features = await self._host.probe()
                await self.check_languages(anew=True)
                return ProbeReply(seq, (*features, *self._engine.availability.features))

    def _send(self, writer: asyncio.StreamWriter, reply: Reply) -> None:
        writer.write(encode_frame(reply))


def _forget(tasks: dict[int, asyncio.Task[None]], seq: int, _: asyncio.Task[None]) -> None:
    tasks.pop(seq, None)
