"""Frames on a stream socket: one message each, and beside it the long byte strings that it speaks of.

A frame is, with every number a 4-byte big-endian integer: the payload's length, how many attachments
follow, the length of each; then the payload, then the attachments. Long attachments are neither
joined to anything nor written in one go: what waits to be sent is a reference to the caller's bytes,
and what comes in is put together piece by piece, so that no frame holds the event loop up.
"""

from __future__ import annotations

import asyncio
import io
import struct
from collections import deque
from collections.abc import Callable, Generator, Sequence
from typing import cast

from cellblock.config import OUTPUT_CEILING_BYTES
from cellblock.errors import CellblockError

MAX_PAYLOAD_BYTES = 256 * 1024 * 1024
MAX_ATTACHMENTS = 8
# Two stages of two streams each; a failed compilation's stderr is made of both of its streams.
MAX_ATTACHED_BYTES = 4 * OUTPUT_CEILING_BYTES + 1024 * 1024
_PREFIX = struct.Struct(">II")
_SIZE_BYTES = 4
_PIECE_BYTES = (
    512 * 1024
)  # less, and the socket runs dry while more is fetched: 10 MiB take 12 ms instead of 4
_READ_BYTES = 256 * 1024
_JOINED_BYTES = 64 * 1024
"""Up to this size a frame is written as one piece."""

OnFrame = Callable[[bytes, tuple[bytes, ...]], None]


class ProtocolError(CellblockError):
    """The peer sent bytes that are no message of ours, or there is no message that could say this."""


def encode_frame(payload: bytes, attachments: Sequence[bytes] = ()) -> list[bytes]:
    """Return what is to be written, in order; raises ``ProtocolError`` when it is too much."""
    sizes = [len(attachment) for attachment in attachments]
    _check_sizes(len(payload), sizes)
    head = _PREFIX.pack(len(payload), len(sizes)) + struct.pack(f">{len(sizes)}I", *sizes) + payload
    if len(head) + sum(sizes) <= _JOINED_BYTES:
        return [b"".join((head, *attachments))]
    return [head, *attachments]


class FrameReader:
    """Puts frames together from whatever pieces they come in; does no input or output of its own."""

    def __init__(
        self,
        on_frame: OnFrame,
        *,
        payload_max_bytes: int = MAX_PAYLOAD_BYTES,
        most_attachments: int = MAX_ATTACHMENTS,
    ) -> None:
        """Call ``on_frame`` with payload and attachments of each frame."""
        self._on_frame = on_frame
        self._payload_max_bytes = payload_max_bytes
        self._most_attachments = most_attachments
        self._parts = self._receive()
        self._part = io.BytesIO()  # gives out its bytes without copying them
        self._missing_bytes = next(self._parts)
        self._at_start = True

    @property
    def inside(self) -> bool:
        """Whether a frame has begun and not ended."""
        return not self._at_start

    def feed(self, data: memoryview) -> None:
        """Take what came next; raises ``ProtocolError``, after which nothing more may be fed."""
        while data:
            self._at_start = False
            taken = data[: self._missing_bytes]
            self._part.write(taken)
            self._missing_bytes -= len(taken)
            data = data[len(taken) :]
            while not self._missing_bytes:
                part, self._part = self._part, io.BytesIO()
                self._missing_bytes = self._parts.send(part.getvalue())

    def _receive(self) -> Generator[int, bytes, None]:
        """Yield how many bytes come next, get them, and so on for ever."""
        while True:
            payload_bytes, count = _PREFIX.unpack((yield _PREFIX.size))
            if count > self._most_attachments:
                raise ProtocolError(
                    f"frame with {count} attachments, at most {self._most_attachments} allowed"
                )
            sizes = struct.unpack(f">{count}I", (yield count * _SIZE_BYTES))
            _check_sizes(payload_bytes, sizes, self._payload_max_bytes)
            payload = yield payload_bytes
            attachments = []
            for size in sizes:
                attachments.append((yield size))  # noqa: PERF401  # a comprehension cannot yield
            self._at_start = True
            self._on_frame(payload, tuple(attachments))
            del payload, attachments  # nothing of it is held while the next one is awaited


class Connection(asyncio.BufferedProtocol):
    """One end of a connection that speaks in frames; says what happens through three methods."""

    def __init__(
        self, *, payload_max_bytes: int = MAX_PAYLOAD_BYTES, most_attachments: int = MAX_ATTACHMENTS
    ) -> None:
        self._reader = FrameReader(
            self.received, payload_max_bytes=payload_max_bytes, most_attachments=most_attachments
        )
        self._buffer = memoryview(bytearray(_READ_BYTES))
        self._outgoing: deque[memoryview] = deque()
        self._held_back = False
        self._error: Exception | None = None
        self._transport: asyncio.Transport | None = None

    def opened(self) -> None:
        """Be told that frames can be sent."""

    def received(self, payload: bytes, attachments: tuple[bytes, ...]) -> None:
        """Be told of a frame; a ``ProtocolError`` raised here ends the connection."""
        raise NotImplementedError

    def closed(self, error: Exception | None) -> None:
        """Be told of the end; ``error`` where it was none that was agreed on."""
        raise NotImplementedError

    def send(self, frame: Sequence[bytes]) -> None:
        """Send what ``encode_frame`` returned, as fast as the peer takes it; never waits.

        Nothing bounds how much is held meanwhile but how much the peer asks for.
        """
        if self._transport is not None and not self._transport.is_closing():
            self._outgoing.extend(map(memoryview, frame))
            self._write()

    def pause_reading(self) -> None:
        """Take nothing more until ``resume_reading`` but what has been read; the peer then has to wait."""
        if self._transport is not None and self._transport.is_reading():
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Take what comes again."""
        closing = self._transport is None or self._transport.is_closing()
        if not closing and self._transport is not None and not self._transport.is_reading():
            self._transport.resume_reading()

    def close(self) -> None:
        """Close in order, once everything that the transport already has is written."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)
        self.opened()

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002  # the protocol's own signature
        """Return where the next bytes go."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Take what came."""
        try:
            self._reader.feed(self._buffer[:nbytes])
        except ProtocolError as error:
            self._error = error
            self.abort()

    def eof_received(self) -> bool:
        """Close from this side too."""
        if self._reader.inside:
            self._error = ProtocolError("connection ended inside a frame")
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._outgoing.clear()
        self.closed(self._error or exc)

    def pause_writing(self) -> None:
        """Write no more for now."""
        self._held_back = True

    def resume_writing(self) -> None:
        """Go on writing."""
        self._held_back = False
        self._write()

    def _write(self) -> None:
        while self._outgoing and not self._held_back and self._transport is not None:
            piece = self._outgoing.popleft()
            if len(piece) > _PIECE_BYTES:
                self._outgoing.appendleft(piece[_PIECE_BYTES:])
                piece = piece[:_PIECE_BYTES]
            self._transport.write(piece)


def _check_sizes(
    payload_bytes: int, sizes: Sequence[int], payload_max_bytes: int = MAX_PAYLOAD_BYTES
) -> None:
    if payload_bytes > payload_max_bytes:
        raise ProtocolError(f"message of {payload_bytes} bytes, at most {payload_max_bytes} allowed")
    if sum(sizes) > MAX_ATTACHED_BYTES:
        raise ProtocolError(f"{sum(sizes)} bytes of output, at most {MAX_ATTACHED_BYTES} allowed")
