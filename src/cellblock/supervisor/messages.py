"""What service and supervisor say to each other over the unix socket.

Every message is one frame (``frames``) whose payload is msgpack of a tagged struct. What a program
wrote is attached to its reply, each output once, however many parts of the outcome name it.
The supervisor speaks first (``StatusMessage``) and again whenever its status changes; every
request carries a ``seq`` that its one reply repeats. Requests may overlap and replies come
in any order. A peer that breaks the framing is disconnected.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from cellblock.model import Job, Outcome, Remedy, StageReport, SupervisorStatus
from cellblock.supervisor.frames import ProtocolError, encode_frame


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


class CacheMessage(Struct, frozen=True, tag="cache"):
    """How much memory the compile cache holds; unasked, whenever it changed."""

    size_bytes: int


class RunReply(Struct, frozen=True, tag="ran"):
    """How the job ended, whatever its verdict."""

    seq: int
    outcome: Outcome
    attached: tuple[int, ...] = ()
    """On the wire only: which attachment is stdout and which stderr, of the outcome, then of each stage."""


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
Reply = StatusMessage | CacheMessage | RunReply | ProbeReply | FailureReply | LostReply | RefusalReply

_NO_MESSAGE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What the decoder raises; text that is no UTF-8 and nesting without end it leaves to Python."""

_encoder = msgspec.msgpack.Encoder()
_request_decoder: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)
_reply_decoder: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(
    StatusMessage | CacheMessage | RunReply | ProbeReply | FailureReply | LostReply | RefusalReply
)


def encode(message: Request | Reply) -> list[bytes]:
    """Return the frame to send; raises ``ProtocolError`` when the message is too long."""
    if isinstance(message, RunReply):
        bare, outputs = _detached(message)
        return encode_frame(_encoder.encode(bare), outputs)
    return encode_frame(_encoder.encode(message))


def decode_request(payload: bytes, attachments: Sequence[bytes]) -> Request:
    """Parse a client's message; raises ``ProtocolError``."""
    if attachments:
        raise ProtocolError("not a request: requests have no attachments")
    try:
        return _request_decoder.decode(payload)
    except _NO_MESSAGE as error:
        raise ProtocolError(f"not a request: {error}") from error


def decode_reply(payload: bytes, attachments: Sequence[bytes]) -> Reply:
    """Parse a supervisor's message; raises ``ProtocolError``."""
    try:
        reply = _reply_decoder.decode(payload)
        return _completed(reply, attachments) if isinstance(reply, RunReply) else reply
    except (*_NO_MESSAGE, LookupError) as error:
        raise ProtocolError(f"not a reply: {error}") from error


def _detached(reply: RunReply) -> tuple[RunReply, list[bytes]]:
    """Return the reply without what was written, and that: told apart by identity, so nothing is compared."""
    holders: tuple[Outcome | StageReport, ...] = (reply.outcome, *reply.outcome.stages)
    outputs: list[bytes] = []
    places: dict[int, int] = {}
    attached: list[int] = []
    for output in (output for holder in holders for output in (holder.stdout, holder.stderr)):
        place = places.setdefault(id(output), len(outputs))
        if place == len(outputs):
            outputs.append(output)
        attached.append(place)
    stages = tuple(msgspec.structs.replace(stage, stdout=b"", stderr=b"") for stage in reply.outcome.stages)
    outcome = msgspec.structs.replace(reply.outcome, stdout=b"", stderr=b"", stages=stages)
    return RunReply(reply.seq, outcome, tuple(attached)), outputs


def _completed(reply: RunReply, outputs: Sequence[bytes]) -> RunReply:
    """Put what was written back into its places; ``LookupError`` where they do not match."""
    stages = reply.outcome.stages
    if len(reply.attached) != 2 * (1 + len(stages)) or min(reply.attached) < 0:
        raise LookupError(f"{len(stages)} stages, outputs {reply.attached}")
    found = iter([outputs[place] for place in reply.attached])
    outcome = msgspec.structs.replace(reply.outcome, stdout=next(found), stderr=next(found))
    whole = tuple(msgspec.structs.replace(stage, stdout=next(found), stderr=next(found)) for stage in stages)
    return RunReply(reply.seq, msgspec.structs.replace(outcome, stages=whole))
