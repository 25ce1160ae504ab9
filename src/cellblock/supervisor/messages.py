"""What service and supervisor say to each other over the unix socket.

Every message is one frame: a 4-byte big-endian length, then msgpack of a tagged struct.
The supervisor speaks first (``StatusMessage``) and again whenever its status changes; every
request carries a ``seq`` that its one reply repeats. Requests may overlap and replies come
in any order. A peer that breaks the framing is disconnected.
"""

from __future__ import annotations

import asyncio
import struct

import msgspec
from msgspec import Struct

from cellblock.errors import CellblockError
from cellblock.model import Job, Outcome, Remedy, SupervisorStatus

MAX_FRAME_BYTES = 256 * 1024 * 1024
_LENGTH = struct.Struct(">I")


class RunRequest(Struct, frozen=True, tag="run"):
    """Run one job; answered by ``RunReply``, or another reply for want of one."""

    seq: int
    job: Job


class CancelRequest(Struct, frozen=True, tag="cancel"):
    """End the run that was asked for with the same ``seq``; it is not answered any more."""

    seq: int


class ProbeRequest(Struct, frozen=True, tag="probe"):
    """Look at the host again; answered by ``ProbeReply``."""

    seq: int


class StatusMessage(Struct, frozen=True, tag="status"):
    """The supervisor's present status; unasked."""

    status: SupervisorStatus


class RunReply(Struct, frozen=True, tag="ran"):
    """How the job ended, whatever its verdict."""

    seq: int
    outcome: Outcome


class ProbeReply(Struct, frozen=True, tag="probed"):
    """Every feature that was looked at, in the order of a report."""

    seq: int
    features: tuple[Remedy, ...]


class FailureReply(Struct, frozen=True, tag="failed"):
    """The request could not be served at all: a fault of ours or a job that names nothing we know."""

    seq: int
    message: str


class LostReply(Struct, frozen=True, tag="lost"):
    """The cell went away while the program ran, through no doing of the program; it may be run again."""

    seq: int
    message: str


class RefusalReply(Struct, frozen=True, tag="refused"):
    """The job cannot be run as it was asked for; the message is for the client."""

    seq: int
    message: str


Request = RunRequest | CancelRequest | ProbeRequest
Reply = StatusMessage | RunReply | ProbeReply | FailureReply | LostReply | RefusalReply

_encoder = msgspec.msgpack.Encoder()
_request_decoder: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)
_reply_decoder: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(
    StatusMessage | RunReply | ProbeReply | FailureReply | LostReply | RefusalReply
)


class ProtocolError(CellblockError):
    """The peer sent bytes that are no message of ours."""


def encode_frame(message: Request | Reply) -> bytes:
    """Return the message with its length in front; raises ``ProtocolError`` when it is too long."""
    payload = _encoder.encode(message)
    if len(payload) > MAX_FRAME_BYTES:
        raise ProtocolError(f"message of {len(payload)} bytes is longer than {MAX_FRAME_BYTES}")
    return _LENGTH.pack(len(payload)) + payload


async def read_frame(reader: asyncio.StreamReader) -> bytes | None:
    """Return the next payload, ``None`` at a clean end; raises ``ProtocolError`` on a broken frame."""
    try:
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        if length > MAX_FRAME_BYTES:
            raise ProtocolError(f"frame of {length} bytes announced, at most {MAX_FRAME_BYTES} allowed")
        return await reader.readexactly(length)
    except asyncio.IncompleteReadError as end:
        if end.partial:
            raise ProtocolError("connection ended inside a frame") from end
        return None


def decode_request(payload: bytes) -> Request:
    """Parse a client's message; raises ``ProtocolError``."""
    try:
        return _request_decoder.decode(payload)
    except msgspec.MsgspecError as error:
        raise ProtocolError(f"not a request: {error}") from error


def decode_reply(payload: bytes) -> Reply:
    """Parse a supervisor's message; raises ``ProtocolError``."""
    try:
        return _reply_decoder.decode(payload)
    except msgspec.MsgspecError as error:
        raise ProtocolError(f"not a reply: {error}") from error
