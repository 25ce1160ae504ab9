"""What happens, for whoever watches: each event is told once, after the fact, to a callable.

Rooms tell; only ``app`` knows who listens (metrics, the log). Nothing here holds code, input, output
beyond what the tellers hold anyway, so a listener decides what of it is written down.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from cellblock.model import EnforcementMode, Job, Outcome, Profile


class RunEnding(StrEnum):
    """How a run left the worker."""

    FINISHED = "finished"
    """It has an outcome."""
    ABANDONED = "abandoned"
    """Its client went away first."""
    FAILED = "failed"
    """It could not be run, and no record is kept of it."""


class Part(StrEnum):
    """Parts of the way of one program, from its request to the answer, in their order."""

    PARSE = "parse"
    """From the request's head until it was understood, admitted and found sound; its body's arrival too."""
    ACCEPT = "accept"
    """Until it was on disk and queued."""
    QUEUE = "queue"
    """Until it was taken from the queue."""
    HANDOVER = "handover"
    """What the supervisor took and none of its parts: the way there and back, gates, turns on its loop."""
    PREPARE = "prepare"
    """Cells made, or taken from those that were ready."""
    SPAWN = "spawn"
    """Within that: processes made and confined."""
    COMPILE = "compile"
    """The compiler, by its own clock."""
    RUN = "run"
    """The program, by its own clock."""
    COLLECT = "collect"
    """From the programs' ends until everything was dead, counted and removed."""
    JUDGE = "judge"
    """Until there was an outcome."""
    SUPERVISOR = "supervisor"
    """All since the queue until the outcome was back: from handover to judge."""
    STORE = "store"
    """Until the result was on disk."""
    ANSWER = "answer"
    """From the result, or the acceptance, until the last byte of the answer was handed to the server."""
    TOTAL = "total"
    """From queue to store."""


class RequestServed(Struct, frozen=True, kw_only=True):
    """One HTTP request and its answer."""

    request_id: str
    method: str
    route: str | None
    """The route's template, such as ``/api/result/{submission_id}``; ``None`` where no route matched."""
    status: int
    """0 where the connection ended before there was an answer."""
    duration_s: float
    """Until the last byte was handed to the server."""
    request_bytes: int | None
    """As announced; ``None`` where it was not."""
    response_bytes: int
    peer: str | None
    submission_id: str | None
    """The submission that it made or asked for."""
    caller: str | None
    """The id of the API key that it came with, never the key."""
    parts_s: Mapping[Part, float] = {}
    """How long its own parts took, in seconds: of requests to run a program only."""


class RunEnded(Struct, frozen=True, kw_only=True):
    """One program on its way from the queue to its result; seconds, ``None`` where it did not get so far."""

    id: str
    """The submission's id, or the request's where nothing is kept."""
    ending: RunEnding
    kept: bool
    """Whether it is a submission with a record."""
    language: str
    profile: Profile
    job: Job | None
    """``None`` where it was never read: it had been started too often."""
    outcome: Outcome | None
    queue_s: float
    supervisor_s: float | None
    """From its hand-over to its outcome."""
    store_s: float | None
    total_s: float
    """From its place in the queue to its result, which for a submission is on disk."""


class StoreFailed(Struct, frozen=True, kw_only=True):
    """The store could not be read or written for a request, or to keep what a run or a delivery came to."""

    reason: str
    """One of a few, without paths."""
    message: str
    """What happened and what to do."""
    request_id: str | None = None
    """The request that was refused for it."""


class Snapshot(Struct, frozen=True, kw_only=True):
    """How the service stands at this moment."""

    queue_depth: int
    queue_capacity: int
    slots: int
    """0 while no supervisor is connected."""
    slots_busy: int
    supervisor_connected: bool
    enforcement_mode: EnforcementMode
    draining: bool
    languages: dict[str, bool]
    """By canonical name: whether it can be run."""
    compile_cache_bytes: int = 0
    """What the supervisor's compile cache holds; 0 while none is connected."""
    deliveries_waiting: int | None = None
    """Webhooks that wait for their time or their turn; ``None`` where nothing delivers any."""
