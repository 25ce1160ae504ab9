"""The log goes into the database while others write, and none of them waits for that."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
import uuid

import pytest

from cellblock.model import Profile
from cellblock.store import Database, NewSubmission, Store, writer
from cellblock.store.checkpoints import Checkpoints
from cellblock.store.sqlite import open_for_checkpoints
from doubles import until

pytestmark = pytest.mark.anyio

MIB = 1 << 20


def new_submission() -> NewSubmission:
    return NewSubmission(
        id=str(uuid.uuid4()),
        language="python",
        profile=Profile.EXECUTOR,
        code=b"#" * 1000,
        stdin=b"",
        created_at_ns=1,
    )


@pytest.fixture
def database(tmp_path):
    opened = Database(tmp_path)
    opened.open()
    yield opened
    opened.close()


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("store-")]


def test_what_was_committed_reaches_the_database_while_another_writes(tmp_path):
    file = tmp_path / "any.db"
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("PRAGMA journal_mode = WAL")
    other.execute("CREATE TABLE t AS SELECT randomblob(1000000) AS b")
    other.execute("BEGIN IMMEDIATE")
    other.execute("INSERT INTO t VALUES (2)")
    assert file.stat().st_size < 10_000
    checkpoints = Checkpoints()
    checkpoints.start(open_for_checkpoints(file))
    assert not checkpoints.take_made()
    checkpoints.ask()
    deadline_s = time.monotonic() + 10
    while not checkpoints.take_made():
        assert time.monotonic() < deadline_s
        time.sleep(0.005)
    assert file.stat().st_size > 1_000_000
    assert not checkpoints.take_made()
    checkpoints.close()
    other.execute("COMMIT")
    other.close()


def test_checkpoint_that_fails_ends_nothing(tmp_path):
    (tmp_path / "no.db").write_bytes(b"no database at all" * 1000)
    connection = sqlite3.connect(tmp_path / "no.db", isolation_level=None, check_same_thread=False)
    checkpoints = Checkpoints()
    checkpoints.start(connection)
    checkpoints.ask()
    time.sleep(0.05)
    assert not checkpoints.take_made()
    assert "store-checkpoints" in threads()
    checkpoints.close()
    assert "store-checkpoints" not in threads()


async def test_nobody_waits_for_a_checkpoint_while_the_log_is_short(monkeypatch, database, tmp_path):
    monkeypatch.setattr(writer, "_CHECKPOINT_BYTES", MIB)
    store = Store(database)
    with database._checkpoints.making:  # as one that takes very long
        for _ in range(40):
            await asyncio.gather(*(store.insert(new_submission()) for _ in range(25)))
        log = tmp_path / "cellblock.db-wal"
        assert log.stat().st_size > MIB
        assert (tmp_path / "cellblock.db").stat().st_size < 100_000
    await until(lambda: (tmp_path / "cellblock.db").stat().st_size > 300_000)


async def test_log_begins_anew_once_what_came_during_a_checkpoint_is_copied_too(
    monkeypatch, database, tmp_path
):
    monkeypatch.setattr(writer, "_CHECKPOINT_BYTES", MIB)
    monkeypatch.setattr(writer, "_LOG_MAX_BYTES", 1 << 40)  # so that it is never emptied for its length
    store = Store(database)
    for _ in range(200):
        await asyncio.gather(*(store.insert(new_submission()) for _ in range(25)))
    assert (tmp_path / "cellblock.db-wal").stat().st_size < 10 * MIB


async def test_no_thread_of_the_store_outlives_it(tmp_path):
    before = threads()
    database = Database(tmp_path)
    database.open()
    await Store(database).insert(new_submission())
    assert len(threads()) == len(before) + 2
    database.close()
    assert threads() == before
