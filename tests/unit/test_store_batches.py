"""Writes that come together: in their order, by few statements, and each with a failure of its own."""

from __future__ import annotations

import asyncio
import uuid

import pytest
from sqlalchemy import event

from cellblock.errors import StoreError
from cellblock.model import JobStatus, Profile
from cellblock.store import Database, NewSubmission, Store
from doubles import make_outcome

pytestmark = pytest.mark.anyio

NOW_NS = 1_775_203_523_540_110_054


@pytest.fixture
def store(tmp_path):
    database = Database(tmp_path)
    database.open()
    yield Store(database)
    database.close()


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


def statements_of(store: Store) -> list[str]:
    executed: list[str] = []

    def note(_connection, _cursor, statement, *_rest) -> None:
        executed.append(statement)

    event.listen(store._database._write_engine, "before_cursor_execute", note)
    return executed


async def test_submissions_of_one_turn_are_inserted_by_few_statements_as_they_are(store):
    executed = statements_of(store)
    all_new = [
        new_submission(
            code=b"%d" % number, key_scope=f"key_{number}", webhook_url="https://x.test/", webhook_secret="s"
        )
        for number in range(150)
    ]
    assert await asyncio.gather(*map(store.insert, all_new)) == [new.id for new in all_new]
    assert sum(statement.startswith("INSERT") for statement in executed) == 3
    for new in all_new:
        assert await store.get(new.id) == new.record()
        assert await store.job(new.id) == new.job()


async def test_row_that_breaks_a_rule_fails_alone_among_those_of_its_turn(store):
    kept = new_submission()
    await store.insert(kept)
    all_new = [new_submission() for _ in range(20)]
    all_new[7] = new_submission(id=kept.id, language="ruby")
    results = await asyncio.gather(*map(store.insert, all_new), return_exceptions=True)
    assert isinstance(results.pop(7), StoreError)
    del all_new[7]
    assert results == [new.id for new in all_new]
    assert {unfinished.record.id for unfinished in await store.unfinished()} == {
        kept.id,
        *(new.id for new in all_new),
    }
    assert await store.get(kept.id) == kept.record()


async def test_what_is_written_in_one_turn_is_written_in_its_order(store):
    first, keyed, last = new_submission(), new_submission(idempotency_key=str(uuid.uuid4())), new_submission()
    again = new_submission(idempotency_key=keyed.idempotency_key)
    results = await asyncio.gather(
        store.insert(first),
        store.mark_running(first.id, NOW_NS + 1),
        store.insert(keyed),
        store.insert(again),
        store.insert(last),
        store.finish(first.id, make_outcome(), started_at_ns=NOW_NS + 1, completed_at_ns=NOW_NS + 2),
    )
    assert (results[0], *results[2:5]) == (first.id, keyed.id, keyed.id, last.id)
    assert (await store.get(first.id)).job_status == JobStatus.COMPLETED
    assert (await store.get(first.id)).started_at_ns == NOW_NS + 1
    assert await store.get(again.id) is None


async def test_what_the_last_turn_wrote_is_on_disk_when_the_database_is_closed(tmp_path):
    database = Database(tmp_path)
    database.open()
    new = new_submission()
    Store(database).insert(new)
    database.close()
    database = Database(tmp_path)
    database.open()
    try:
        assert await Store(database).get(new.id) == new.record()
    finally:
        database.close()
