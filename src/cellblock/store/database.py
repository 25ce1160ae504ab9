"""One SQLite file: a thread that writes, a few that read. Every write returns after its commit is on disk."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from cellblock.errors import StoreError
from cellblock.store import migrations
from cellblock.store.checkpoints import Checkpoints
from cellblock.store.files import Files
from cellblock.store.insertion import Insertion
from cellblock.store.sqlite import open_engine, open_for_checkpoints, open_for_peeking
from cellblock.store.writer import Writer

T = TypeVar("T")
_READERS = 4
_LATELY_S = 3.0
"""More than the second after which a result that could not be kept is written again."""
_DATABASE_NAME = "cellblock.db"


def preload() -> None:
    """Import all that opening a database will import, for a process about to give up its rights."""
    migrations.scripts()
    with create_engine("sqlite://").connect() as connection:
        migrations.upgrade(connection)


def database_file(directory: Path) -> Path:
    """Return where the database of a data directory is, whether or not it is there."""
    return directory / _DATABASE_NAME


class Database:
    """The file and its connections. Failures of the driver come out as ``StoreError``."""

    def __init__(
        self, directory: Path, *, on_commit: Callable[[int, float], None] = lambda _writes, _seconds: None
    ) -> None:
        """Prepare the database in ``directory``; nothing is touched before ``open``.

        ``on_commit`` is told, on the writer's thread, of each commit: how many writes, how many seconds.
        """
        self._file = database_file(directory)
        self._files = Files(self._file)
        self._write_engine = open_engine(self._file, connections=1, begin="BEGIN IMMEDIATE")
        self._read_engine = open_engine(self._file, connections=_READERS, begin="BEGIN", create=False)
        self._peeking: sqlite3.Connection | None = None
        self._checkpoints = Checkpoints()
        self._writer = Writer(self._write_engine, self._files, self._checkpoints, on_commit)
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="store-reader")

    def open(self) -> None:
        """Bring the database, made if it is not there, to the present schema; raises ``StoreError``."""
        self._files.refuse_remains()
        try:
            with self._write_engine.begin() as connection:
                migrations.upgrade(connection)
            self._peeking = open_for_peeking(self._file)
            checkpointing = open_for_checkpoints(self._file)
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise self._files.failure(f"the database {self._file} could not be opened", error) from error
        self._files.note_opened()
        self._checkpoints.start(checkpointing)
        self._writer.start()

    def close(self) -> None:
        """Finish the writes that are queued and close the database. Blocks until then."""
        self._writer.close()
        self._checkpoints.close()
        self._readers.shutdown()
        self._read_engine.dispose()
        if self._peeking is not None:
            self._peeking.close()
        self._write_engine.dispose()

    def write(self, operation: Callable[[Connection], T], *, size_bytes: int = 0) -> asyncio.Future[T]:
        """Queue ``operation`` now, before anything that is written later; the future gets its result.

        An operation may be run twice (the first time rolled back), so it does nothing but SQL.
        ``size_bytes`` says about how much it stores, where that is more than some numbers and names.
        """
        return self._writer.submit(operation, size_bytes)

    def insert(
        self, insertion: Insertion, row: tuple[Any, ...], result: T, *, size_bytes: int = 0
    ) -> asyncio.Future[T]:
        """Queue a row as ``write`` queues an operation, but cheaper; the future gets ``result``."""
        return self._writer.insert(insertion, row, result, size_bytes)

    def is_promising(self, size_bytes: int) -> bool:
        """Say whether a write of so many bytes should succeed: the last one did, and there is room."""
        in_log_and_database_bytes = 2 * size_bytes
        return self._writer.is_well() and self._files.has_room_for(in_log_and_database_bytes)

    async def read(self, operation: Callable[[Connection], T]) -> T:
        """Run ``operation`` beside the writer, on what was committed last."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._run_read, operation)

    def peek(self, statement: str, parameters: Sequence[object] = ()) -> tuple[Any, ...] | None:
        """Return the first row of a small ``statement``, at once and on the caller's thread.

        For what every request asks: it takes microseconds, less than handing it to another thread.
        It sees what any process committed before.
        """
        if self._peeking is None:
            raise StoreError("the database is not open")
        self._files.require()
        try:
            # Fetched whole: a statement that is not at its end would hold on to what it saw.
            rows = self._peeking.execute(statement, parameters).fetchall()
        except sqlite3.Error as error:
            raise self._files.failure("the store could not be read", error) from error
        return rows[0] if rows else None

    async def ping(self) -> None:
        """Raise ``StoreError`` unless the database can be read and written.

        Where nothing was written just now, something is: a disk may be full while nobody submits.
        """
        await self.read(lambda connection: connection.scalar(text("SELECT 1 FROM submissions LIMIT 1")))
        if not self._writer.has_written(within_s=_LATELY_S):
            await self.write(_write_nothing_new)

    def _run_read(self, operation: Callable[[Connection], T]) -> T:
        self._files.require()
        try:
            with self._read_engine.connect() as connection:
                return operation(connection)
        except SQLAlchemyError as error:
            raise self._files.failure("the store could not be read", error) from error


def _write_nothing_new(connection: Connection) -> None:
    """Change a number that nobody reads, which takes a page of the log and a sync of the disk."""
    connection.exec_driver_sql("PRAGMA user_version = 0")
