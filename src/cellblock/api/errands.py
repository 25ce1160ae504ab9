"""The way in for dialects that keep nothing: a place in the queue, and the client that waits for it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from cellblock.api.errors import CLIENT_GONE, AnyRequest
from cellblock.api.stopwatch import stopwatch
from cellblock.dispatch import LocalQueue
from cellblock.errors import CellblockError, RequestRefused
from cellblock.events import Part
from cellblock.model import Job, Outcome, Verdict

_SOON_S = 1


class RunFailedError(CellblockError):
    """The program could not be run, or what it did could not be seen; the message says at what."""


async def run_for(request: AnyRequest, job: Job, queue: LocalQueue, scope: str) -> Outcome:
    """Run ``job`` as soon as ``scope`` has a slot, and only for as long as the client is there.

    Raises ``RequestRefused`` (503) when the queue is full or the service stops, ``CellblockError``
    where we failed. The request's body has been read.
    """
    stopwatch(request).end(Part.PARSE)
    errand = queue.put_errand(job, scope)
    gone = asyncio.create_task(_disconnected(request), name=f"client-of-{job.id}")
    try:
        awaited: list[asyncio.Future[Any]] = [errand.finished, gone]
        await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
        if not errand.finished.done():
            raise RequestRefused(CLIENT_GONE, "the client went away")
        if errand.finished.cancelled():
            raise RequestRefused(
                503, "the service is stopping; try again when it is back", retry_after_s=_SOON_S
            )
        outcome = errand.finished.result()
    finally:
        queue.withdraw(errand)
        gone.cancel()
        with suppress(asyncio.CancelledError):
            await gone
    if outcome.verdict is Verdict.IE or not outcome.stages:
        raise RunFailedError(outcome.error_message or "the run came to no result that can be trusted")
    stopwatch(request).answer(since_s=errand.ended_at_s)
    return outcome


async def _disconnected(request: AnyRequest) -> None:
    """Return once the client closed its connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
