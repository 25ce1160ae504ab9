"""The one thread that writes. Operations that arrive while a commit is being synced share the next one.

Loop and thread share the interpreter lock, and each time that one waits for the other costs more than
a row: what one turn of the loop writes is handed over together, rows of one kind are inserted by one
statement, and all that a commit answers is told in one call.
"""

from __future__ import annotations

import asyncio
import math
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import groupby
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DatabaseError, IntegrityError, SQLAlchemyError

from cellblock.errors import StoreError
from cellblock.store.checkpoints import CHECKPOINT, Checkpoints
from cellblock.store.files import Files
from cellblock.store.insertion import Insertion

T = TypeVar("T")
_BATCH_MAX = 256
"""Writes after which no more turns of the loop join a commit."""
_CHECKPOINT_BYTES = 16 * 1024 * 1024
_LOG_MAX_BYTES = 2 * _CHECKPOINT_BYTES
_LITTLE_BYTES = 1024 * 1024
"""What a writer may copy into the database between two commits without anybody noticing."""
_WRITE_BYTES = 2 * 4096
"""Roughly what a write puts into the log beside its contents: a few pages, some of them shared."""


@dataclass(slots=True, eq=False)
class _Write:
    """One operation, or one row to be inserted, and where its result is awaited."""

    future: asyncio.Future[Any]
    size_bytes: int
    operation: Callable[[Connection], Any] | None = None
    insertion: Insertion | None = None
    row: tuple[Any, ...] = ()
    result: Any = None
    error: Exception | None = None

    def resolve(self) -> None:
        if self.future.done():  # whoever waited was cancelled; the write stands
            return
        if self.error is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(self.error)


class Writer:
    """Runs operations in the order of ``submit`` and resolves each only after its commit is on disk."""

    def __init__(
        self,
        engine: Engine,
        files: Files,
        checkpoints: Checkpoints,
        on_commit: Callable[[int, float], None],
    ) -> None:
        self._engine = engine
        self._files = files
        self._checkpoints = checkpoints
        self._on_commit = on_commit
        self._wrote_at_s = -math.inf
        self._failed_at_s = -math.inf
        self._failure: StoreError | None = None
        self._logged_bytes = 0
        """What the log holds, about; a checkpoint that is complete lets it begin anew."""
        self._unasked_bytes = 0
        """Of these what came since a checkpoint was last asked for."""
        self._turn: list[_Write] = []
        self._queue: queue.SimpleQueue[list[_Write] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def has_written(self, within_s: float) -> bool:
        """Say whether a commit reached the disk so lately; raises what kept a later one from it."""
        now_s = time.monotonic()
        if self._failure is not None and now_s - self._failed_at_s < within_s:
            raise StoreError(str(self._failure), reason=self._failure.reason) from self._failure
        return now_s - self._wrote_at_s < within_s

    def is_well(self) -> bool:
        """Say whether no write has failed since the last one that reached the disk."""
        return self._failed_at_s <= self._wrote_at_s

    def submit(self, operation: Callable[[Connection], T], size_bytes: int) -> asyncio.Future[T]:
        """Queue ``operation`` now; the future gets its result, or ``StoreError``.

        An operation may be run twice (the first time rolled back), so it does nothing but SQL.
        ``size_bytes`` says what it stores.
        """
        return self._join_turn(_Write(_future(), size_bytes, operation))

    def insert(
        self, insertion: Insertion, row: tuple[Any, ...], result: T, size_bytes: int
    ) -> asyncio.Future[T]:
        """Queue a row as ``submit`` queues an operation; the future gets ``result``, or ``StoreError``."""
        return self._join_turn(_Write(_future(), size_bytes, insertion=insertion, row=row, result=result))

    def close(self) -> None:
        """Finish what is queued and end the thread. Blocks until then."""
        self._hand_over()
        self._queue.put(None)
        if self._thread.is_alive():
            self._thread.join()

    def _join_turn(self, write: _Write) -> asyncio.Future[Any]:
        loop = write.future.get_loop()
        if not self._turn or self._turn[-1].future.get_loop() is not loop:  # one may have been closed
            loop.call_soon(self._hand_over)
        self._turn.append(write)
        return write.future

    def _hand_over(self) -> None:
        if self._turn:
            turn, self._turn = self._turn, []
            self._queue.put(turn)

    def _run(self) -> None:
        closing = False
        while not closing:
            batch, closing = self._next_batch()
            if batch:
                started_s = time.perf_counter()
                self._commit(batch)
                _tell(batch)
                self._on_commit(len(batch), time.perf_counter() - started_s)
                self._keep_log_short(sum(_WRITE_BYTES + write.size_bytes for write in batch))

    def _next_batch(self) -> tuple[list[_Write], bool]:
        """Wait for one turn's writes and take what else is there; the flag says that ``close`` was called."""
        batch: list[_Write] = []
        turn = self._queue.get()
        while turn is not None:
            batch += turn
            if len(batch) >= _BATCH_MAX:
                return batch, False
            try:
                turn = self._queue.get_nowait()
            except queue.Empty:
                return batch, False
        return batch, True

    def _commit(self, batch: list[_Write]) -> None:
        try:
            self._transact(batch)
        except Exception:  # noqa: BLE001  # whatever one of them raises; found out below, one by one
            if len(batch) == 1:
                self._commit_alone(batch[0])
                return
            for write in batch:
                self._commit_alone(write)

    def _commit_alone(self, write: _Write) -> None:
        """Run one write in a transaction of its own, so that its failure is nobody else's."""
        try:
            self._transact([write])
        except SQLAlchemyError as error:
            failure = self._files.failure("the store could not be written", error)
            failure.__cause__ = error
            write.error = failure
            if isinstance(error, DatabaseError) and not isinstance(error, IntegrityError):
                self._note_failure(failure)
                self._empty_log()
        except StoreError as error:
            write.error = error
            self._note_failure(error)
        except Exception as error:  # noqa: BLE001  # the waiter gets it; the thread must live on
            write.error = error

    def _transact(self, batch: list[_Write]) -> None:
        with self._engine.begin() as connection:
            for insertion, writes in groupby(batch, key=lambda write: write.insertion):
                if insertion is not None:
                    insertion.execute(connection, [write.row for write in writes])
                    continue
                for write in writes:
                    if write.operation is not None:
                        write.result = write.operation(connection)
            self._files.require()
        self._wrote_at_s = time.monotonic()

    def _note_failure(self, failure: StoreError) -> None:
        self._failure, self._failed_at_s = failure, time.monotonic()

    def _keep_log_short(self, written_bytes: int) -> None:
        """Have the log written into the database now and then; SQLite would do it inside a commit."""
        self._logged_bytes += written_bytes
        self._unasked_bytes += written_bytes
        made = self._checkpoints.take_made()
        if self._logged_bytes >= _LOG_MAX_BYTES or (made and self._unasked_bytes <= _LITTLE_BYTES):
            self._empty_log()
        elif made or self._unasked_bytes >= _CHECKPOINT_BYTES:
            self._unasked_bytes = 0
            self._checkpoints.ask()

    def _empty_log(self) -> None:
        """Write all of the log into the database, so that its space is used again."""
        self._logged_bytes = self._unasked_bytes = 0
        with (
            suppress(SQLAlchemyError, sqlite3.Error),
            closing(self._engine.raw_connection()) as connection,
            self._checkpoints.making,
        ):
            connection.cursor().execute(CHECKPOINT).fetchall()


def _future() -> asyncio.Future[Any]:
    return asyncio.get_running_loop().create_future()


def _tell(batch: list[_Write]) -> None:
    """Resolve the futures on their loop; where it is closed, nobody waits any more and the writes stand."""
    loop = batch[0].future.get_loop()
    try:
        loop.call_soon_threadsafe(_resolve_all, batch)
    except RuntimeError:
        if not loop.is_closed():
            raise


def _resolve_all(batch: list[_Write]) -> None:
    for write in batch:
        write.resolve()
