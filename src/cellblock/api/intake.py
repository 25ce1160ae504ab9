"""The way in for every dialect whose submissions are kept: a place, a row, the queue."""

from __future__ import annotations

from dataclasses import dataclass

from cellblock.dispatch import LocalQueue, Waiting
from cellblock.store import NewSubmission, Store

_CARRIED_MAX_BYTES = 16 * 1024
_CARRIED_MOST = 256
"""Inputs that are larger, or behind more than these, are read back from the store at the start: a long
queue stays small in memory."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A submission that is on disk."""

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

    async def accept(self, new: NewSubmission) -> Accepted:
        """Keep ``new`` and queue it; returns once it is on disk.

        Raises ``RequestRefused`` (503) when the queue is full, ``StoreError`` when it cannot be
        kept: then there is no row. A known idempotency key is answered even by a full queue.
        """
        if new.idempotency_key is not None:
            first_id = await self._store.find_idempotent(new.key_scope, new.idempotency_key)
            if first_id is not None:
                return Accepted(first_id, self._queue.depth, None)
        with self._queue.place(new.key_scope):
            kept_id = await self._store.insert(new)
            if kept_id == new.id:
                depth = self._queue.depth
                carried = depth < _CARRIED_MOST and len(new.code) + len(new.stdin) <= _CARRIED_MAX_BYTES
                waiting = self._queue.put(new.record(), new.job() if carried else None, scope=new.key_scope)
                return Accepted(new.id, depth, waiting)
        return Accepted(kept_id, self._queue.depth, None)
