"""Receivers of webhooks on loopback, good and bad, and a network that only reaches them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address

from cellblock.webhooks import Network
from cellblock.webhooks.network import connect
from cellblock.webhooks.target import Address

Answer = Callable[["Call", asyncio.StreamWriter], Awaitable[None]]
PUBLIC = "93.184.216.34"
"""Stands for a public address; nothing ever connects to it."""


@dataclass(frozen=True)
class Call:
    """One request as it was received."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """A server that keeps what it is sent and answers as ``answers`` say, the last one for ever."""

    answers: list[Answer]
    calls: list[Call] = field(default_factory=list)
    port: int = 0
    open: int = 0
    most_open: int = 0
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?of=test"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
            body = await reader.readexactly(int(headers["content-length"]))
            signature = next((line for line in head if line.startswith("webhook-signature")), ": ")
            call = Call(head[0], {**headers, "webhook-signature": signature.split(": ", 1)[1]}, body)
            self.calls.append(call)
            answer = self.answers[min(len(self.calls), len(self.answers)) - 1]
            await answer(call, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self.open -= 1
            writer.close()


@asynccontextmanager
async def receiving(*answers: Answer, tls: ssl.SSLContext | None = None, port: int = 0):
    receiver = Receiver(list(answers))
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", port, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()


def status(code: int, *headers: str) -> Answer:
    async def answer(_call: Call, writer: asyncio.StreamWriter) -> None:
        lines = [f"HTTP/1.1 {code} Whatever", "content-length: 2", *headers, "", "ok"]
        writer.write("\r\n".join(lines).encode())
        await writer.drain()

    return answer


async def never(_call: Call, _writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


async def hang_up(_call: Call, _writer: asyncio.StreamWriter) -> None:
    pass


def endless(first: bytes, then: bytes) -> Answer:
    """Send without end; stops when the connection breaks."""

    async def answer(_call: Call, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        while True:
            writer.write(then)
            await writer.drain()
            await asyncio.sleep(0)

    return answer


class LoopbackNetwork:
    """Names and addresses of a test's own. Connections to ``PUBLIC`` end at a receiver on loopback.

    Any other address is connected to only if it is loopback.
    """

    def __init__(self, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self.names: dict[str, list[Sequence[str]]] = {}
        self.port = port
        self.lookups: list[str] = []
        self.connected: list[tuple[str, int]] = []
        self.network = Network(
            resolve=self.resolve, connect=self.connect, tls=tls or ssl.create_default_context()
        )

    async def resolve(self, name: str, _scope: str) -> Sequence[Address]:
        """Answer with the name's next set of addresses, the last one for ever."""
        self.lookups.append(name)
        if name not in self.names:
            raise OSError(-2, "Name or service not known")
        sets = self.names[name]
        return [ip_address(text) for text in (sets.pop(0) if len(sets) > 1 else sets[0])]

    async def connect(self, address: Address, port: int):
        self.connected.append((str(address), port))
        if str(address) == PUBLIC:
            return await connect(ip_address("127.0.0.1"), self.port)
        assert address.is_loopback, f"a test connected to {address}"
        return await connect(address, port)
