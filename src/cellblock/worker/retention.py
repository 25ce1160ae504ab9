"""Deletes records when their time is over, a few at a time, so that nobody waits for it."""

from __future__ import annotations

import asyncio
import time

import structlog

from cellblock.errors import StoreError
from cellblock.store import OldRecords

_BATCH = 200
_BETWEEN_BATCHES_S = 0.2
_BETWEEN_ROUNDS_S = 600.0
_NS_PER_DAY = 24 * 60 * 60 * 1_000_000_000

_log = structlog.get_logger(__name__)


class Retention:
    """Runs beside everything else for as long as the service does."""

    def __init__(self, old: OldRecords, days: int) -> None:
        """Delete what has been complete for ``days``; 0 keeps everything."""
        self._old = old
        self._days = days
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin with what is too old already."""
        if self._days:
            self._task = asyncio.create_task(self._run(), name="retention")

    async def stop(self) -> None:
        """Delete nothing more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        while True:
            try:
                deleted = await self._delete_old()
            except StoreError as error:
                _log.error("old_records_not_deleted", error=str(error))
            else:
                if deleted:
                    _log.info("old_records_deleted", count=deleted, days=self._days)
            await asyncio.sleep(_BETWEEN_ROUNDS_S)

    async def _delete_old(self) -> int:
        before_ns = time.time_ns() - self._days * _NS_PER_DAY
        total = 0
        while True:
            deleted = await self._old.delete(before_ns, _BATCH)
            total += deleted
            if deleted < _BATCH:
                return total
            await asyncio.sleep(_BETWEEN_BATCHES_S)
