"""The way in for every dialect whose submissions are kept: a place, a row, the queue."""

from __future__ import annotations

from dataclasses import dataclass

from cellblock.dispatch import LocalQueue, Waiting
from cellblock.model import Job
from cellblock.store import NewSubmission, Store

_CARRIED_MAX_BYTES = 16 * 1024
_CARRIED_MOST = 256
"""Inputs that are larger, or behind more than these, are read back from the store at the start: a long
queue stays small in memory."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A submission that is on disk, or being written there while it runs."""

    id: str
    queue_depth: int
    """Submissions that waited when this one came."""
    waiting: Waiting | None
    """``None`` where the idempotency key was known and ``id`` is the first one's."""


class Intake:
    """Accepts submissions into store and queue."""

    def __init__(self, store: Store, queue: LocalQueue) -> None:
        self._store = store
        self._queue = queue

    async def accept(self, new: NewSubmission, *, at_once: bool = False) -> Accepted:
        """Keep ``new`` and queue it; returns once it is on disk.

        With ``at_once`` it may be run while it is being written: for a client that waits for the result,
        and is told of nothing before that, it does not matter which is ready first. Where it cannot be
        written, the client learns that from ``waiting``.

        Raises ``RequestRefused`` (503) when the queue is full, ``StoreError`` when it cannot be
        kept: then there is no row. A known idempotency key is answered even by a full queue.
        """
        if new.idempotency_key is not None:
            first_id = await self._store.find_idempotent(new.key_scope, new.idempotency_key)
            if first_id is not None:
                return Accepted(first_id, self._queue.depth, None)
        with self._queue.place(new.key_scope):
            depth = self._queue.depth
            # With an idempotency key the store says whose turn it is.
            if at_once and new.idempotency_key is None and (job := self._carried(new)) is not None:
                waiting = self._queue.put(new.record(), job, scope=new.key_scope)
                waiting.keep(self._store.insert(new))  # after it: the note of its start shares the commit
                return Accepted(new.id, depth, waiting)
            kept_id = await self._store.insert(new)
            if kept_id == new.id:
                depth = self._queue.depth
                waiting = self._queue.put(new.record(), self._carried(new), scope=new.key_scope)
                return Accepted(new.id, depth, waiting)
        return Accepted(kept_id, self._queue.depth, None)

    def _carried(self, new: NewSubmission) -> Job | None:
        """Return the job where it may stay in memory while it waits."""
        is_small = len(new.code) + len(new.stdin) <= _CARRIED_MAX_BYTES
        return new.job() if is_small and self._queue.depth < _CARRIED_MOST else None
