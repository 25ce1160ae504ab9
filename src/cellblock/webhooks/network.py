"""The world outside, as far as webhooks touch it: looking names up, connecting, certificates.

Certificates are checked against the system's own store: an operator who adds an authority there,
or removes one, need not tell cellblock.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address

from cellblock.webhooks import target
from cellblock.webhooks.target import Address

_LOOKUPS_AT_A_TIME = 64

Resolve = Callable[[str, str], Awaitable[Sequence[Address]]]
"""Given a name and the API key's id (the scope) that asks: its addresses, best first, or ``OSError``."""
Connect = Callable[[Address, int], Awaitable[socket.socket]]
"""A connected, non-blocking socket to exactly this address; raises ``OSError``."""


class LookupsBusyError(OSError):
    """As many names are being looked up for this scope as may be; nothing is known of this one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """How names are looked up, addresses connected to, and certificates checked."""

    resolve: Resolve
    connect: Connect
    tls: ssl.SSLContext


def public_network() -> Network:
    """Return the machine's own."""
    tls = ssl.create_default_context()
    tls.set_alpn_protocols(["http/1.1"])
    return Network(resolve=Lookups(socket.getaddrinfo, _LOOKUPS_AT_A_TIME), connect=connect, tls=tls)


def preload() -> None:
    """Import all that a check or a delivery will import, for a process about to give up its rights."""
    target.parse("https://b\u00fccher.example")


async def connect(address: Address, port: int) -> socket.socket:
    """Connect to an address; nothing is looked up."""
    family = socket.AF_INET if isinstance(address, IPv4Address) else socket.AF_INET6
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.setblocking(False)  # noqa: FBT003  # the socket's own signature
        await asyncio.get_running_loop().sock_connect(connection, (str(address), port))
    except BaseException:
        connection.close()
        raise
    return connection


class Lookups:
    """The system's resolver, which blocks, in threads of its own.

    Whoever waits may give up at any time; the thread then ends when the resolver does. At most
    ``at_a_time`` run, more are refused. A scope may begin one while it has fewer under way than are free:
    names that hang take half of all at most, and the next scope still finds as many as it may have.
    They are daemons, so that none of them holds up the process's end.
    """

    def __init__(self, getaddrinfo: Callable[..., Sequence[tuple[object, ...]]], at_a_time: int) -> None:
        self._getaddrinfo = getaddrinfo
        self._free = at_a_time
        self._under_way: Counter[str] = Counter()

    async def __call__(self, name: str, scope: str) -> Sequence[Address]:
        """Look a name up; raises ``OSError``, of which ``LookupsBusyError`` says nothing about the name."""
        if self._under_way[scope] >= self._free:
            raise LookupsBusyError("too many names are being looked up")
        self._free -= 1
        self._under_way[scope] += 1
        loop = asyncio.get_running_loop()
        found: asyncio.Future[Sequence[Address]] = loop.create_future()

        def tell(addresses: Sequence[Address], error: OSError | None) -> None:
            self._release(scope)
            if found.done():
                return
            if error is None:
                found.set_result(addresses)
            else:
                found.set_exception(error)

        def look_up() -> None:
            addresses: Sequence[Address] = ()
            failure: OSError | None = None
            try:
                addresses = self._addresses(name)
            except OSError as error:
                failure = error
            except Exception as error:  # noqa: BLE001  # whatever it is, the name was not found
                failure = OSError(str(error))
            with suppress(RuntimeError):  # the loop has ended, and with it whoever waited
                loop.call_soon_threadsafe(tell, addresses, failure)

        try:
            threading.Thread(target=look_up, name="webhook-lookup", daemon=True).start()
        except RuntimeError as error:
            self._release(scope)
            raise OSError(f"no thread for the lookup: {error}") from error
        return await found

    def _release(self, scope: str) -> None:
        self._free += 1
        self._under_way[scope] -= 1
        if not self._under_way[scope]:
            del self._under_way[scope]

    def _addresses(self, name: str) -> Sequence[Address]:
        found = self._getaddrinfo(name, None, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
        texts = [str(entry[4][0]) for entry in found if isinstance(entry[4], tuple)]
        return list(dict.fromkeys(ip_address(text) for text in texts))
