"""How SQLite is opened: write-ahead log, every commit synced, transactions begun by us."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event

_BUSY_TIMEOUT_MS = 5000
_PEEK_BUSY_TIMEOUT_S = 0.1
_WAL_KEPT_BYTES = 64 * 1024 * 1024
_CHECKPOINT_PAGES = 32768
"""128 MiB: in case the writer, which empties the log between its commits, expected much less in it."""


def open_engine(database: Path, *, connections: int, begin: str, create: bool = True) -> Engine:
    """Return an engine of at most ``connections`` on the file ``database``.

    ``begin`` opens its transactions: ``BEGIN IMMEDIATE`` for a writer, who else could lose its
    snapshot half-way, ``BEGIN`` for readers. Without ``create`` the file must be there: connections
    are opened when they are needed, and a reader's must not begin another database.
    """
    mode = "rwc" if create else "rw"
    engine = create_engine(
        "sqlite://",
        # By hand, because SQLAlchemy would decode the path once more.
        creator=lambda: sqlite3.connect(_uri(database, mode), uri=True, check_same_thread=False),
        poolclass=QueuePool,
        pool_size=connections,
        max_overflow=0,
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver's own BEGIN comes late and spares reads
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
        cursor.execute(f"PRAGMA journal_size_limit = {_WAL_KEPT_BYTES}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def open_for_peeking(database: Path) -> sqlite3.Connection:
    """Return a bare connection for small reads by the thread that opens it; the driver alone is quickest."""
    connection = sqlite3.connect(
        _uri(database, "rw"), uri=True, timeout=_PEEK_BUSY_TIMEOUT_S, isolation_level=None
    )
    connection.execute("PRAGMA query_only = ON")
    return connection


def open_for_checkpoints(database: Path) -> sqlite3.Connection:
    """Return a bare connection for a thread that writes the log into the database."""
    connection = sqlite3.connect(
        _uri(database, "rw"), uri=True, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def _uri(database: Path, mode: str) -> str:
    return f"file:{quote(str(database))}?mode={mode}"
