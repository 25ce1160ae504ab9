"""The service as a process of its own, clients that misbehave on raw sockets, and one that does not."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from doubles import Script, ScriptedSupervisor, answer_four, until

MIB = 1024 * 1024
_PATIENCE_S = 15


@dataclass(frozen=True)
class Answer:
    """One answer as it came over the wire."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> object:
        assert self.headers["content-type"] == "application/json", self
        return json.loads(self.body)


class RawClient:
    """Bytes out, answers in."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self) -> Answer:
        async with asyncio.timeout(_PATIENCE_S):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            line, *fields = head.removesuffix("\r\n\r\n").split("\r\n")
            headers = {
                name.lower(): value.strip() for name, _, value in (each.partition(":") for each in fields)
            }
            body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        return Answer(int(line.split()[1]), headers, body)

    async def closed(self) -> bytes:
        """Wait until the service has closed; returns what it still said."""
        async with asyncio.timeout(_PATIENCE_S):
            try:
                return await self.reader.read()
            except ConnectionError:
                return b""

    def close(self) -> None:
        self.writer.transport.abort()


@dataclass
class Attacked:
    """A running service, what it costs, and who is connected to it."""

    process: subprocess.Popen[bytes]
    port: int
    supervisor: ScriptedSupervisor
    log: Path
    clients: list[RawClient] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def connect(self, *, receive_buffer_bytes: int | None = None) -> RawClient:
        connection = socket.socket()
        connection.setblocking(False)  # noqa: FBT003  # the socket's own signature
        if receive_buffer_bytes is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", self.port))
        # A reader that holds little: what it does not read stays with the service.
        client = RawClient(*await asyncio.open_connection(sock=connection, limit=64 * 1024))
        self.clients.append(client)
        return client

    async def say(self, data: bytes) -> RawClient:
        client = await self.connect()
        await client.send(data)
        return client

    @property
    def peak_memory_bytes(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) * 1024

    @property
    def sockets(self) -> int:
        """How many the service has open; files come and go with the store."""
        found = 0
        for descriptor in Path(f"/proc/{self.process.pid}/fd").iterdir():
            with suppress(FileNotFoundError):
                found += str(descriptor.readlink()).startswith("socket:")
        return found

    @asynccontextmanager
    async def well_behaved(self) -> AsyncIterator[list[float]]:
        """Ask for the health again and again, each time as a new client; yields how long each took, in s."""
        latencies_s: list[float] = []

        async def ask() -> None:
            while True:
                began_s = time.monotonic()
                client = RawClient(*await asyncio.open_connection("127.0.0.1", self.port))
                await client.send(b"GET /api/health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
                assert (await client.answer()).status == 200
                latencies_s.append(time.monotonic() - began_s)
                client.close()
                await asyncio.sleep(0.02)

        asking = asyncio.create_task(ask())
        try:
            yield latencies_s
            asked = len(latencies_s)
            await until(lambda: asking.done() or len(latencies_s) > asked + 1, timeout_s=_PATIENCE_S)
            if asking.done():
                asking.result()
        finally:
            asking.cancel()
            with suppress(asyncio.CancelledError):
                await asking


@asynccontextmanager
async def attacked(
    changes: Mapping[str, str] | None = None, *, script: Script = answer_four, prefix: Sequence[str] = ()
) -> AsyncIterator[Attacked]:
    """Serve until the block ends, with a scripted supervisor; ``prefix`` is a command that starts another."""
    with tempfile.TemporaryDirectory(prefix="cellblock-test-") as name:
        directory = Path(name)
        # The service's user has to pass to its data.
        directory.chmod(0o711)
        supervisor = ScriptedSupervisor(directory / "supervisor.sock", script)
        await supervisor.start()
        (directory / "supervisor.sock").chmod(0o666)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        environment = {
            "PATH": os.environ["PATH"],
            "CELLBLOCK_DATA_DIR": str(directory / "data"),
            "CELLBLOCK_SUPERVISOR_SOCKET": str(directory / "supervisor.sock"),
            "CELLBLOCK_SERVICE_USER": "nobody",
            "CELLBLOCK_PORT": str(port),
            **(changes or {}),
        }
        ready, writing = os.pipe()
        log = directory / "log"
        with log.open("wb") as sink:
            command = [*prefix, sys.executable, "-m", "cellblock.app.service", "--ready-fd", str(writing)]
            process = subprocess.Popen(command, env=environment, pass_fds=[writing], stderr=sink)
        os.close(writing)
        service = Attacked(process, port, supervisor, log)
        try:
            assert await asyncio.to_thread(os.read, ready, 1) == b"1", log.read_text()
            await until(lambda: bool(supervisor.connections))
            async with httpx.AsyncClient(base_url=service.url) as http, asyncio.timeout(5):
                while (await http.get("/api/health/ready")).status_code != 200:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            yield service
            assert process.poll() is None, log.read_text()
        finally:
            for client in service.clients:
                client.close()
            os.close(ready)
            process.kill()
            process.wait()
            await supervisor.die()
