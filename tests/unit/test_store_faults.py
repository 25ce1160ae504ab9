"""What the store says and does when its disk, its files or its rows fail it."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sqlite3
import uuid

import pytest

from cellblock.errors import StoreError
from cellblock.model import Profile
from cellblock.store import Database, NewSubmission, Store
from cellblock.store.files import Files
from doubles import make_outcome

pytestmark = pytest.mark.anyio

NOW_NS = 1_775_203_523_540_110_054


@pytest.fixture
def database(tmp_path):
    opened = Database(tmp_path)
    opened.open()
    yield opened
    opened.close()


def new_submission(size_bytes: int = 10) -> NewSubmission:
    return NewSubmission(
        id=str(uuid.uuid4()),
        language="python",
        profile=Profile.EXECUTOR,
        code=b"#" * size_bytes,
        stdin=b"",
        created_at_ns=NOW_NS,
    )


def read_only(database: Database, state: str) -> None:
    with contextlib.closing(database._write_engine.raw_connection()) as connection:
        connection.cursor().execute(f"PRAGMA query_only = {state}")


async def full(database: Database) -> None:
    """Let the database grow no further, as a full disk does."""
    await database.write(lambda connection: connection.exec_driver_sql("PRAGMA max_page_count = 1"))


async def roomy(database: Database) -> None:
    await database.write(lambda connection: connection.exec_driver_sql("PRAGMA max_page_count = 1000000"))


async def test_full_database_says_so_and_is_written_again_once_there_is_room(database):
    store = Store(database)
    await full(database)
    large = new_submission(200_000)
    with pytest.raises(StoreError, match=r"database or disk is full; free space on the disk of") as caught:
        await store.insert(large)
    assert caught.value.reason == "the store's disk is full"
    assert await store.get(large.id) is None
    await roomy(database)
    assert await store.insert(large) == large.id


async def test_ping_tells_of_a_failed_write_until_a_while_after_it(database, monkeypatch):
    store = Store(database)
    await full(database)
    with pytest.raises(StoreError):
        await store.insert(new_submission(200_000))
    await roomy(database)
    with pytest.raises(StoreError, match="disk is full"):
        await database.ping()
    monkeypatch.setattr("cellblock.store.database._LATELY_S", 0.0)
    await database.ping()


async def test_ping_finds_out_that_nothing_can_be_written_although_nobody_writes(database, monkeypatch):
    monkeypatch.setattr("cellblock.store.database._LATELY_S", 0.0)
    await database.ping()
    read_only(database, "ON")
    with pytest.raises(StoreError, match="readonly") as caught:
        await database.ping()
    assert caught.value.reason == "the store is read-only"
    read_only(database, "OFF")
    await database.ping()


async def test_write_that_breaks_a_rule_does_not_make_the_store_unready(database):
    store = Store(database)
    twice = new_submission()
    await store.insert(twice)
    with pytest.raises(StoreError):
        await store.insert(twice)
    await database.ping()


@pytest.mark.parametrize("suffix", ["", "-wal"])
async def test_file_that_is_moved_away_stops_reads_and_writes_until_it_is_back(database, tmp_path, suffix):
    store = Store(database)
    kept = new_submission()
    await store.insert(kept)
    file = tmp_path / f"cellblock.db{suffix}"
    aside = file.rename(tmp_path / "aside")
    for access in (store.insert(new_submission()), store.get(kept.id), database.ping()):
        with pytest.raises(StoreError, match=r"deleted or replaced") as caught:
            await access
        assert caught.value.reason == "the store's files are gone"
    with pytest.raises(StoreError, match="deleted or replaced"):
        database.peek("SELECT 1")
    shutil.copy(aside, file)  # another file, though with the same content
    with pytest.raises(StoreError, match="deleted or replaced"):
        await store.insert(new_submission())
    aside.rename(file)
    assert await store.get(kept.id) == kept.record()
    assert await store.insert(new_submission())


async def test_reader_that_comes_late_begins_no_second_database(tmp_path):
    database = Database(tmp_path)
    database.open()
    try:
        (tmp_path / "cellblock.db").unlink()
        with pytest.raises(StoreError):
            await database.ping()
        assert not (tmp_path / "cellblock.db").exists()
    finally:
        database.close()


async def test_every_page_that_is_damaged_is_a_store_error_and_nothing_else(tmp_path):
    database = Database(tmp_path)
    database.open()
    store = Store(database)
    ids = []
    for number in range(60):
        new = new_submission()
        await store.insert(new)
        outcome = make_outcome(stdout=bytes(3000 + number))
        await store.finish(new.id, outcome, started_at_ns=NOW_NS, completed_at_ns=NOW_NS)
        ids.append(new.id)
    database.close()
    file = tmp_path / "cellblock.db"
    content = bytearray(file.read_bytes())
    for start in range(len(content) // 2, len(content) - 4096, 4 * 4096):
        content[start : start + 4096] = b"\xa5" * 4096
    file.write_bytes(content)

    damaged = Database(tmp_path)
    damaged.open()
    try:
        answers = await asyncio.gather(
            *(Store(damaged).get(submission) for submission in ids), return_exceptions=True
        )
    finally:
        damaged.close()
    errors = [answer for answer in answers if isinstance(answer, Exception)]
    assert errors
    assert {type(error) for error in errors} == {StoreError}
    assert {error.reason for error in errors} == {"the store is damaged"}
    assert all(str(file) in str(error) for error in errors)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("job_status", "x"),
        ("verdict", "x"),
        ("evidence", b"{"),
        ("profile", b"\xff"),
        ("output_integrity", 7),
    ],
)
async def test_row_that_makes_no_sense_is_a_store_error_that_names_it(database, tmp_path, column, value):
    store = Store(database)
    new = new_submission()
    await store.insert(new)
    await store.finish(new.id, make_outcome(), started_at_ns=NOW_NS, completed_at_ns=NOW_NS)
    with sqlite3.connect(tmp_path / "cellblock.db") as connection:
        connection.execute(f"UPDATE submissions SET {column} = ?", (value,))  # noqa: S608  # ours
    connection.close()
    with pytest.raises(StoreError, match=new.id) as caught:
        await store.get(new.id)
    assert caught.value.reason == "the store is damaged"


async def test_log_shrinks_again_after_it_has_grown(tmp_path, monkeypatch):
    monkeypatch.setattr("cellblock.store.sqlite._WAL_KEPT_BYTES", 1024 * 1024)
    monkeypatch.setattr("cellblock.store.sqlite._CHECKPOINT_PAGES", 1000)
    database = Database(tmp_path)
    database.open()
    store = Store(database)
    try:
        new = new_submission(8 * 1024 * 1024)
        await store.insert(new)
        log = tmp_path / "cellblock.db-wal"
        assert log.stat().st_size > 8 * 1024 * 1024
        for _ in range(3):
            await store.insert(new_submission())
        assert log.stat().st_size <= 1024 * 1024
    finally:
        database.close()


@pytest.mark.parametrize("spoilt", [0, 4, 8, 12, 16, 24, 31])
def test_log_whose_head_is_spoilt_is_not_taken_for_an_empty_one(tmp_path, spoilt):
    database = Database(tmp_path)
    database.open()
    try:
        log = bytearray((tmp_path / "cellblock.db-wal").read_bytes())
        content = (tmp_path / "cellblock.db").read_bytes()
    finally:
        database.close()
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "cellblock.db").write_bytes(content)
    (copy / "cellblock.db-wal").write_bytes(log)
    Files(copy / "cellblock.db").refuse_remains()
    log[spoilt] ^= 0x10
    (copy / "cellblock.db-wal").write_bytes(log)
    with pytest.raises(StoreError, match=r"cellblock\.db-wal is damaged"):
        Database(copy).open()


@pytest.mark.parametrize("leave", [lambda file: file.unlink(), lambda file: file.write_bytes(b"")])
def test_log_without_its_database_is_not_thrown_away(tmp_path, leave):
    database = Database(tmp_path)
    database.open()
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in tmp_path.glob("cellblock.db*"):
        shutil.copy(file, copy)
    database.close()
    leave(copy / "cellblock.db")
    log = (copy / "cellblock.db-wal").read_bytes()
    with pytest.raises(StoreError, match="is gone, but"):
        Database(copy).open()
    assert (copy / "cellblock.db-wal").read_bytes() == log


@pytest.mark.parametrize("log", [b"", bytes(4096)])
def test_log_that_holds_nothing_is_no_reason_to_refuse(tmp_path, log):
    (tmp_path / "cellblock.db-wal").write_bytes(log)
    database = Database(tmp_path)
    database.open()
    database.close()


def test_directory_may_have_signs_that_mean_something_in_an_address(tmp_path):
    odd = tmp_path / "a b%20?c#d&e"
    odd.mkdir()
    database = Database(odd)
    database.open()
    assert (odd / "cellblock.db").stat().st_size
    assert database.peek("SELECT count(*) FROM submissions") == (0,)
    asyncio.run(database.ping())
    database.close()


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: bytes(4096) + content[4096:],
        lambda content: content[:4096] + b"\xa5" * (len(content) - 4096),
        lambda content: content[: len(content) // 2],
        lambda content: content[:4096],
        lambda content: content[:100],
    ],
)
def test_damaged_database_is_refused_with_what_to_do(tmp_path, damage):
    database = Database(tmp_path)
    database.open()
    database.close()
    file = tmp_path / "cellblock.db"
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(StoreError, match=r"is damaged: stop the service, keep a copy") as caught:
        Database(tmp_path).open()
    assert str(file) in str(caught.value)
