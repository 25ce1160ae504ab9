from __future__ import annotations

import asyncio
import sqlite3
import threading
import uuid
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import event, text

from cellblock.errors import StoreError
from cellblock.model import JobStatus, Profile, Verdict
from cellblock.store import Database, Keys, NewSubmission, Store, migrations, writer
from cellblock.store.schema import metadata
from cellblock.store.sqlite import open_engine
from doubles import make_outcome

pytestmark = pytest.mark.anyio

NOW_NS = 1_775_203_523_540_110_054


def open_database(directory: Path) -> Database:
    database = Database(directory)
    database.open()
    return database


@pytest.fixture
def database(tmp_path: Path):
    opened = open_database(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def store(database):
    return Store(database)


def new_submission(**changes: object) -> NewSubmission:
    values = {
        "id": str(uuid.uuid4()),
        "language": "python",
        "profile": Profile.EXECUTOR,
        "code": b"print(1)",
        "stdin": b"\x00\xff",
        "created_at_ns": NOW_NS,
        **changes,
    }
    return NewSubmission(**values)


async def finish(store: Store, submission_id: str, **changes: object) -> None:
    await store.finish(
        submission_id, make_outcome(**changes), started_at_ns=NOW_NS + 1, completed_at_ns=NOW_NS + 2
    )


async def test_record_follows_a_submission_from_pending_to_its_result(store):
    new = new_submission()
    assert await store.insert(new) == new.id
    assert await store.get(new.id) == new.record()
    assert await store.job(new.id) == new.job()

    await store.mark_running(new.id, NOW_NS + 1)
    running = await store.get(new.id)
    assert (running.job_status, running.started_at_ns) == (JobStatus.RUNNING, NOW_NS + 1)

    await finish(store, new.id, stdout=b"\x00\xff\xfe")
    final = await store.get(new.id)
    assert final.job_status == JobStatus.COMPLETED
    assert final.outcome == make_outcome(stdout=b"\x00\xff\xfe")
    assert (final.created_at_ns, final.completed_at_ns) == (NOW_NS, NOW_NS + 2)


async def test_job_that_is_read_back_is_of_the_key_that_sent_it(store):
    new = new_submission(key_scope="key_one")
    await store.insert(new)
    assert (await store.job(new.id)).tenant == new.job().tenant == "key_one"


async def test_inputs_are_dropped_with_the_result(store, tmp_path):
    new = new_submission()
    await store.insert(new)
    await finish(store, new.id)
    assert await store.job(new.id) is None
    with sqlite3.connect(tmp_path / "cellblock.db") as connection:
        assert connection.execute("SELECT code, stdin FROM submissions").fetchall() == [(None, None)]
    connection.close()


async def test_first_result_is_never_replaced(store):
    new = new_submission()
    await store.insert(new)
    await finish(store, new.id, stdout=b"first")
    await finish(store, new.id, stdout=b"second", verdict=Verdict.IE)
    await store.mark_running(new.id, NOW_NS + 9)
    record = await store.get(new.id)
    assert (record.job_status, record.outcome.stdout) == (JobStatus.COMPLETED, b"first")


async def test_internal_error_makes_an_error_record(store):
    new = new_submission()
    await store.insert(new)
    await finish(store, new.id, verdict=Verdict.IE)
    assert (await store.get(new.id)).job_status == JobStatus.ERROR


async def test_unknown_submission_has_no_record_and_no_job(store):
    assert await store.get(str(uuid.uuid4())) is None
    assert await store.job(str(uuid.uuid4())) is None


async def test_unfinished_are_listed_oldest_first_with_their_starts(store):
    second, first, done = (new_submission(created_at_ns=NOW_NS + age) for age in (2, 1, 0))
    for new in (second, first, done):
        await store.insert(new)
    for _ in range(2):
        await store.mark_running(second.id, NOW_NS + 5)
    await finish(store, done.id)
    found = await store.unfinished()
    assert [(entry.record.id, entry.starts) for entry in found] == [(first.id, 0), (second.id, 2)]


async def test_of_simultaneous_inserts_with_one_idempotency_key_one_stays(store):
    news = [new_submission(key_scope="k", idempotency_key="same") for _ in range(50)]
    kept = await asyncio.gather(*(store.insert(new) for new in news))
    assert set(kept) == {news[0].id}
    assert len(await store.unfinished()) == 1
    assert await store.find_idempotent("k", "same") == news[0].id
    assert await store.find_idempotent("another scope", "same") is None


async def test_idempotency_keys_of_different_scopes_do_not_meet(store):
    ours, theirs = (new_submission(key_scope=scope, idempotency_key="same") for scope in "ab")
    assert await store.insert(ours) == ours.id
    assert await store.insert(theirs) == theirs.id


async def test_write_that_fails_fails_alone(store):
    good = [new_submission() for _ in range(5)]
    duplicate = new_submission(id=good[0].id)
    results = await asyncio.gather(*(store.insert(new) for new in [*good, duplicate]), return_exceptions=True)
    assert results[:5] == [new.id for new in good]
    assert isinstance(results[5], StoreError)
    assert len(await store.unfinished()) == 5


async def test_error_of_the_driver_shows_neither_statement_nor_values(store):
    new = new_submission(code=b"print('confidential')")
    await store.insert(new)
    with pytest.raises(StoreError) as caught:
        await store.insert(new)
    assert "confidential" not in str(caught.value)
    assert "INSERT" not in str(caught.value)
    assert "could not be written" in str(caught.value)


async def test_waiting_writes_share_a_commit(store):
    commits = 0

    def count(_connection: object) -> None:
        nonlocal commits
        commits += 1

    event.listen(store._database._write_engine, "commit", count)
    await asyncio.gather(*(store.insert(new_submission()) for _ in range(200)))
    assert commits < 100
    assert len(await store.unfinished()) == 200


async def test_write_is_on_disk_when_it_is_answered(store, tmp_path):
    new = new_submission()
    await store.insert(new)
    with sqlite3.connect(tmp_path / "cellblock.db") as other:
        assert other.execute("SELECT id FROM submissions").fetchall() == [(new.id,)]
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    other.close()
    with store._database._write_engine.connect() as connection:
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2


async def test_cancelled_waiter_does_not_stop_the_writer(store):
    waiter = asyncio.ensure_future(store.insert(new_submission()))
    waiter.cancel()
    new = new_submission()
    assert await store.insert(new) == new.id


async def test_locked_database_is_a_store_error_and_writing_goes_on_after_it(tmp_path, monkeypatch):
    monkeypatch.setattr("cellblock.store.sqlite._BUSY_TIMEOUT_MS", 10)
    database = open_database(tmp_path)
    store = Store(database)
    try:
        other = sqlite3.connect(tmp_path / "cellblock.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked"):
            await store.insert(new_submission())
        other.execute("ROLLBACK")
        other.close()
        await store.insert(new_submission())
    finally:
        database.close()


async def test_records_survive_closing_and_opening(tmp_path):
    new = new_submission()
    database = open_database(tmp_path)
    first = Store(database)
    await first.insert(new)
    await finish(first, new.id)
    record = await first.get(new.id)
    database.close()
    database = open_database(tmp_path)
    assert await Store(database).get(new.id) == record
    database.close()


async def test_directory_that_is_missing_is_a_store_error_that_names_the_file(tmp_path):
    with pytest.raises(StoreError, match=r"nowhere/cellblock\.db"):
        open_database(tmp_path / "nowhere")


def test_migrations_lead_to_the_schema_of_the_code(tmp_path):
    engine = open_engine(tmp_path / "cellblock.db", connections=1, begin="BEGIN IMMEDIATE")
    with engine.begin() as connection:
        migrations.upgrade(connection)
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        indexes = dict(
            connection.execute(
                text("SELECT name, sql FROM sqlite_master WHERE sql LIKE 'CREATE%INDEX%'")
            ).all()
        )
    engine.dispose()
    assert sorted(indexes) == sorted(
        index.name for table in metadata.tables.values() for index in table.indexes
    )
    assert "WHERE idempotency_key IS NOT NULL" in indexes["ix_submissions_idempotency"]
    assert "WHERE revoked_at_ns IS NULL" in indexes["ix_api_keys_name"]


def test_migrating_twice_does_nothing(tmp_path):
    open_database(tmp_path).close()
    open_database(tmp_path).close()


def test_database_of_a_newer_version_is_refused_with_what_to_do(tmp_path):
    open_database(tmp_path).close()
    with sqlite3.connect(tmp_path / "cellblock.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(StoreError, match="another version of cellblock"):
        open_database(tmp_path)


def test_writer_outlives_the_loop_that_asked_it(tmp_path):
    begun, may_go_on = threading.Event(), threading.Event()

    def slow_write(_connection):
        begun.set()
        may_go_on.wait(10)

    database = open_database(tmp_path)

    async def ask_and_leave():
        database.write(slow_write)
        await asyncio.to_thread(begun.wait, 10)

    try:
        asyncio.run(ask_and_leave())
        may_go_on.set()

        async def ask_and_wait():
            new = new_submission()
            return await Store(database).insert(new) == new.id

        # Asked from another loop, the same thread still writes.
        assert asyncio.run(ask_and_wait())
    finally:
        database.close()


async def test_database_of_the_first_release_keeps_its_submissions(tmp_path):
    engine = open_engine(tmp_path / "cellblock.db", connections=1, begin="BEGIN IMMEDIATE")
    new = new_submission(idempotency_key=str(uuid.uuid4()))
    with engine.begin() as connection:
        migrations.upgrade(connection, "0001")
        connection.execute(
            text(
                "INSERT INTO submissions"
                " (id, language, profile, job_status, key_scope, idempotency_key,"
                " starts, created_at_ns, code, stdin)"
                " VALUES (:id, :language, :profile, 'pending', '', :idempotency_key,"
                " 0, :created_at_ns, :code, :stdin)"
            ),
            {name: getattr(new, name) for name in new.__struct_fields__},
        )
    engine.dispose()
    database = open_database(tmp_path)
    store = Store(database)
    assert await store.get(new.id) == new.record()
    assert await store.job(new.id) == new.job()
    assert await store.insert(new_submission(idempotency_key=new.idempotency_key)) == new.id
    assert not Keys(database).exist()
    database.close()


async def test_record_is_shown_to_the_scope_that_it_belongs_to_only(store):
    new = new_submission(key_scope="key_1")
    await store.insert(new)
    assert await store.get(new.id, "key_1") == new.record()
    assert await store.get(new.id, "key_2") is None
    assert await store.get(new.id, "") is None
    (unfinished,) = await store.unfinished()
    assert unfinished.key_scope == "key_1"


async def test_log_of_long_results_is_emptied_between_commits(store, tmp_path):
    for _ in range(24):
        submission = new_submission()
        await store.insert(submission)
        await finish(store, submission.id, stdout=b"x" * 4_000_000)
    assert (tmp_path / "cellblock.db-wal").stat().st_size < 44_000_000
    assert (tmp_path / "cellblock.db").stat().st_size > 40_000_000


async def test_log_of_many_small_writes_is_emptied_too(monkeypatch, store, tmp_path):
    monkeypatch.setattr(writer, "_CHECKPOINT_BYTES", 1 << 20)
    for _ in range(40):
        await asyncio.gather(*(store.insert(new_submission()) for _ in range(25)))
    assert (tmp_path / "cellblock.db-wal").stat().st_size < 2 << 20
