"""How much of their day keys have used, written behind the requests that used it."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, update

from cellblock.store.database import Database
from cellblock.store.schema import api_keys

_set_use = (
    update(api_keys)
    .where(api_keys.c.id == bindparam("key_id"))
    .values(day_used=bindparam("used"), day_resets_at_s=bindparam("resets_at_s"))
)


class _Use(NamedTuple):
    key_id: str
    used: int
    resets_at_s: int


class KeyUse:
    """One write at a time; what changes meanwhile goes into the next.

    So nobody waits for it, however many requests come, and it shares the commits that their
    submissions need anyway. A process that is killed loses the last few milliseconds of counts.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._unwritten: dict[str, _Use] = {}
        self._writing: asyncio.Future[None] | None = None

    def note(self, key_id: str, used: int, resets_at_s: int) -> None:
        """Have it written soon that a key has made ``used`` requests in the day that ends then."""
        self._unwritten[key_id] = _Use(key_id, used, resets_at_s)
        if self._writing is None:
            self._write()

    def flush(self) -> None:
        """Queue what is not written yet, for a database that is about to be closed."""
        if self._unwritten:
            self._write()

    def _write(self) -> None:
        uses, self._unwritten = self._unwritten, {}

        def operation(connection: Connection) -> None:
            connection.execute(_set_use, [use._asdict() for use in uses.values()])

        def written(writing: asyncio.Future[None]) -> None:
            self._writing = None
            failed = writing.cancelled() or writing.exception() is not None
            if failed:  # the next request of any key tries again
                self._unwritten = uses | self._unwritten
            elif self._unwritten:
                self._write()

        self._writing = self._database.write(operation)
        self._writing.add_done_callback(written)
