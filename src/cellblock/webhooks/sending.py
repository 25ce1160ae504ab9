"""One attempt: look the name up, connect to what was checked, send, read how it is answered.

Of the answer only its head is read: the status decides, and what else a receiver sends is
nobody's business. A receiver that answers before it has read everything is listened to.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Iterable, Sequence

import h11
from msgspec import Struct

from cellblock.webhooks.admission import Admission, UnresolvableError
from cellblock.webhooks.network import Network
from cellblock.webhooks.target import Address, Target

CONNECT_TIMEOUT_S = 5.0
TOTAL_TIMEOUT_S = 10.0
ANSWER_MAX_BYTES = 64 * 1024
"""Of an answer's head, provisional answers included; more is a failure."""
_ADDRESSES_TRIED = 3
_READ_BYTES = 8 * 1024
_WRITTEN_AT_A_TIME_BYTES = 64 * 1024


class SendError(Exception):
    """The attempt came to no answer, and another may; the message says what happened, without the URL."""


class Timeouts(Struct, frozen=True, kw_only=True):
    """How long an attempt may take."""

    connect_s: float = CONNECT_TIMEOUT_S
    """Looking the name up, connecting and TLS together."""
    total_s: float = TOTAL_TIMEOUT_S
    """All of it."""


class Sender:
    """Makes attempts. Keeps nothing between them."""

    def __init__(self, admission: Admission, network: Network, timeouts: Timeouts) -> None:
        self._admission = admission
        self._network = network
        self._timeouts = timeouts

    async def post(
        self,
        url: str,
        headers: Sequence[tuple[str, str]],
        body: Iterable[bytes],
        length_bytes: int,
        *,
        scope: str,
    ) -> int:
        """Send one request for ``scope``; the answer is the status of the first that is not provisional.

        The body's pieces are taken one by one as the receiver reads them; ``length_bytes`` is their sum.
        Raises ``BlockedError`` where the URL must not be contacted (any more), else ``SendError``.
        """
        target = self._admission.target(url)
        try:
            async with asyncio.timeout(self._timeouts.total_s):
                reader, writer = await self._connected(target, scope)
                try:
                    return await _exchange(reader, writer, _head(target, headers, length_bytes), body)
                finally:
                    writer.transport.abort()
        except TimeoutError as error:
            raise SendError(f"no answer within {self._timeouts.total_s:g} s") from error
        except OSError as error:
            raise SendError(f"the connection broke: {_reason(error)}") from error

    async def _connected(
        self, target: Target, scope: str
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            async with asyncio.timeout(self._timeouts.connect_s):
                addresses = (await self._admission.addresses(target, scope))[:_ADDRESSES_TRIED]
                connection = await self._first_to_connect(addresses, target.port)
                return await self._streams(connection, target)
        except UnresolvableError as error:
            raise SendError(str(error)) from error
        except TimeoutError as error:
            raise SendError(f"no connection within {self._timeouts.connect_s:g} s") from error
        except ssl.SSLCertVerificationError as error:
            raise SendError(f"the certificate was not accepted: {error.verify_message}") from error
        except OSError as error:
            raise SendError(f"no connection: {_reason(error)}") from error

    async def _first_to_connect(self, addresses: Sequence[Address], port: int) -> socket.socket:
        """Try the addresses in turn, each for its share of the time, so that a dead one costs no more."""
        share_s = self._timeouts.connect_s / len(addresses)
        for address in addresses[:-1]:
            try:
                async with asyncio.timeout(share_s):
                    return await self._network.connect(address, port)
            except OSError:
                continue
        return await self._network.connect(addresses[-1], port)

    async def _streams(
        self, connection: socket.socket, target: Target
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Wrap a connected socket; the certificate is checked for the name, not for the address."""
        encrypted = target.scheme == "https"
        try:
            return await asyncio.open_connection(
                sock=connection,
                limit=_READ_BYTES,
                ssl=self._network.tls if encrypted else None,
                server_hostname=target.host if encrypted else None,
            )
        except BaseException:
            connection.close()
            raise


def _head(target: Target, headers: Sequence[tuple[str, str]], length_bytes: int) -> h11.Request:
    return h11.Request(
        method="POST",
        target=target.path,
        headers=[
            ("host", target.authority),
            ("connection", "close"),
            ("content-length", str(length_bytes)),
            *headers,
        ],
    )


async def _exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: h11.Request, body: Iterable[bytes]
) -> int:
    """Send while listening; whichever way the sending ends, the answer decides."""
    http = h11.Connection(h11.CLIENT, max_incomplete_event_size=2 * ANSWER_MAX_BYTES)
    writer.write(http.send(head) or b"")
    sending = asyncio.create_task(_send(writer, body), name="webhook-body")
    try:
        return await _status(reader, http)
    except h11.RemoteProtocolError as error:
        raise SendError(f"the answer is no HTTP: {error}") from error
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


async def _send(writer: asyncio.StreamWriter, body: Iterable[bytes]) -> None:
    for piece in body:
        view = memoryview(piece)
        for start in range(0, len(view), _WRITTEN_AT_A_TIME_BYTES):
            writer.write(view[start : start + _WRITTEN_AT_A_TIME_BYTES])
            await writer.drain()


async def _status(reader: asyncio.StreamReader, http: h11.Connection) -> int:
    """Read up to the end of the answer's head."""
    read_bytes = 0
    while True:
        event = http.next_event()
        if isinstance(event, h11.Response):
            return event.status_code
        if event is h11.NEED_DATA:
            received = await reader.read(_READ_BYTES)
            if not received:
                raise SendError("the connection was closed without an answer")
            read_bytes += len(received)
            if read_bytes > ANSWER_MAX_BYTES:
                raise SendError(f"the answer's head is longer than {ANSWER_MAX_BYTES} bytes")
            http.receive_data(received)


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return f"TLS failed ({error.reason or 'unknown reason'})"
    return os.strerror(error.errno) if error.errno else type(error).__name__
