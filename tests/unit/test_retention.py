"""Old records are deleted a few at a time; what is unfinished or undelivered stays."""

from __future__ import annotations

import time
import uuid

import pytest
from sqlalchemy import text

from cellblock.errors import StoreError
from cellblock.model import Profile
from cellblock.store import Database, NewSubmission, OldRecords, Store
from cellblock.worker import Retention
from doubles import make_outcome, until

pytestmark = pytest.mark.anyio

DAY_NS = 24 * 60 * 60 * 1_000_000_000


@pytest.fixture
def database(tmp_path):
    opened = Database(tmp_path)
    opened.open()
    yield opened
    opened.close()


async def keep(store: Store, *, completed_at_ns: int | None, webhook: bool = False) -> str:
    new = NewSubmission(
        id=str(uuid.uuid4()),
        language="python",
        profile=Profile.JUDGE,
        code=b"print(1)",
        stdin=b"",
        created_at_ns=1,
        webhook_url="https://example.com/" if webhook else None,
        webhook_secret="secret" if webhook else None,  # a word
    )
    await store.insert(new)
    if completed_at_ns is not None:
        await store.finish(new.id, make_outcome(), started_at_ns=1, completed_at_ns=completed_at_ns)
    return new.id


async def test_only_what_was_completed_before_is_deleted_and_the_oldest_first(database):
    store, old = Store(database), OldRecords(database)
    ids = [await keep(store, completed_at_ns=at_ns) for at_ns in (40, 10, 20, 30)]
    unfinished = await keep(store, completed_at_ns=None)
    assert await old.delete(before_ns=40, most=2) == 2
    assert [await store.get(submission) is None for submission in ids] == [False, True, True, False]
    assert await old.delete(before_ns=40, most=2) == 1
    assert await old.delete(before_ns=40, most=2) == 0
    assert await store.get(ids[0]) is not None
    assert await store.get(unfinished) is not None


async def test_what_is_still_to_be_delivered_stays_until_it_is(database):
    store, old = Store(database), OldRecords(database)
    submission = await keep(store, completed_at_ns=10, webhook=True)
    assert await old.delete(before_ns=20, most=10) == 0
    await database.write(
        lambda connection: connection.execute(text("UPDATE deliveries SET due_at_ns = NULL"))
    )
    assert await old.delete(before_ns=20, most=10) == 1
    assert await store.get(submission) is None
    for table in ("deliveries", "delivery_attempts"):
        count = text(f"SELECT count(*) FROM {table}")  # noqa: S608
        assert await database.read(lambda connection, count=count: connection.scalar(count)) == 0


async def test_deleting_uses_the_index(database):
    def plan(connection):
        return connection.execute(
            text(
                "EXPLAIN QUERY PLAN SELECT id FROM submissions WHERE completed_at_ns < 5"
                " ORDER BY completed_at_ns LIMIT 5"
            )
        ).all()

    assert "ix_submissions_completed" in str(await database.read(plan))


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr("cellblock.worker.retention._BATCH", 2)
    monkeypatch.setattr("cellblock.worker.retention._BETWEEN_BATCHES_S", 0.001)
    monkeypatch.setattr("cellblock.worker.retention._BETWEEN_ROUNDS_S", 0.001)


@pytest.mark.usefixtures("quick")
async def test_records_go_when_their_days_are_over_and_not_before(database):
    store = Store(database)
    over = [await keep(store, completed_at_ns=time.time_ns() - 31 * DAY_NS) for _ in range(5)]
    young = await keep(store, completed_at_ns=time.time_ns() - 29 * DAY_NS)
    retention = Retention(OldRecords(database), 30)
    retention.start()
    try:
        for submission in over:
            while await store.get(submission) is not None:
                pass
        assert await store.get(young) is not None
    finally:
        await retention.stop()


async def test_nought_days_keep_everything(database):
    store = Store(database)
    submission = await keep(store, completed_at_ns=1)
    retention = Retention(OldRecords(database), 0)
    retention.start()
    await retention.stop()
    assert await store.get(submission) is not None


@pytest.mark.usefixtures("quick")
async def test_store_that_fails_for_a_while_is_tried_again():
    calls = 0

    class Failing:
        async def delete(self, _before_ns, _most):
            nonlocal calls
            calls += 1
            if calls < 3:
                raise StoreError("disk full")
            return 0

    retention = Retention(Failing(), 30)
    retention.start()
    await until(lambda: calls > 3)
    await retention.stop()
