"""Keys in the store: what is kept, who is found, what is counted."""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
import time

import pytest

from cellblock.errors import StoreError
from cellblock.model import Profile
from cellblock.store import Database, Keys, KeysError, NewKey
from doubles import until

pytestmark = pytest.mark.anyio

NOW_NS = 1_775_203_523_540_110_054


@pytest.fixture
def database(tmp_path):
    opened = Database(tmp_path)
    opened.open()
    yield opened
    opened.close()


@pytest.fixture
def keys(database):
    return Keys(database)


def new_key(name="one", **changes):
    return NewKey(name=name, profiles=changes.pop("profiles", (Profile.JUDGE,)), **changes)


async def test_token_finds_its_key_with_all_that_it_was_made_with(keys):
    made, token = await keys.create(
        new_key(profiles=(Profile.EXECUTOR, Profile.JUDGE), per_minute=60, per_day=1000, concurrency=2),
        NOW_NS,
    )
    found = keys.find(token)
    assert found == made
    assert found.profiles == (Profile.EXECUTOR, Profile.JUDGE)
    assert (found.per_minute, found.per_day, found.concurrency) == (60, 1000, 2)
    assert keys.concurrency_of(made.id) == 2


async def test_token_is_long_random_and_nowhere_on_disk(keys, tmp_path):
    tokens = [(await keys.create(new_key(f"n{number}"), NOW_NS))[1] for number in range(20)]
    assert len(set(tokens)) == 20
    for token in tokens:
        assert token.startswith("cb_live_")
        # 62 characters are 5.95 bits each; those that lists show are no secret.
        assert (len(token) - len(keys.find(token).token_prefix)) * 5.95 >= 192
    on_disk = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    for token in tokens:
        assert hashlib.sha256(token.encode()).digest() in on_disk
        assert token.encode() not in on_disk
        assert token[14:].encode() not in on_disk


@pytest.mark.parametrize("wrong", ["", "cb_live_", "nonsense", "cb_live_" + "x" * 40, "\udcff", "é" * 9000])
async def test_whatever_is_no_token_finds_nothing(keys, wrong):
    _, token = await keys.create(new_key(), NOW_NS)
    assert keys.find(wrong) is None
    assert keys.find(token[:-1]) is None
    assert keys.find(token + "x") is None
    assert keys.find(token.upper()) is None


async def test_revoked_key_is_found_no_more_but_the_store_stays_closed(keys):
    made, token = await keys.create(new_key(), NOW_NS)
    assert (await keys.revoke("one", NOW_NS + 1)).id == made.id
    assert keys.find(token) is None
    assert keys.exist()
    (kept,) = await keys.all()
    assert kept.revoked_at_ns == NOW_NS + 1
    with pytest.raises(KeysError, match="was revoked already"):
        await keys.revoke(made.id, NOW_NS + 2)


async def test_only_forgetting_the_last_revoked_key_opens_the_store(keys):
    await keys.create(new_key("kept"), NOW_NS)
    await keys.create(new_key("gone"), NOW_NS)
    await keys.revoke("gone", NOW_NS)
    assert await keys.forget_revoked() == 1
    assert keys.exist()
    await keys.revoke("kept", NOW_NS)
    assert await keys.forget_revoked() == 1
    assert not keys.exist()


async def test_forgotten_key_keeps_its_concurrency_and_after_a_restart_it_is_one(keys, database):
    capped, token = await keys.create(new_key("capped", concurrency=3), NOW_NS)
    unlimited, other_token = await keys.create(new_key("unlimited"), NOW_NS)
    for known in (token, other_token):
        assert keys.find(known)
    for name in ("capped", "unlimited"):
        await keys.revoke(name, NOW_NS)
    assert await keys.forget_revoked() == 2
    assert (keys.concurrency_of(capped.id), keys.concurrency_of(unlimited.id)) == (3, None)
    restarted = Keys(database)
    assert (restarted.concurrency_of(capped.id), restarted.concurrency_of(unlimited.id)) == (1, 1)
    assert restarted.concurrency_of("") is None


async def test_name_belongs_to_one_valid_key_at_a_time(keys):
    first, _ = await keys.create(new_key(), NOW_NS)
    with pytest.raises(KeysError, match=f"'one' is taken by {first.id}"):
        await keys.create(new_key(), NOW_NS)
    await keys.revoke("one", NOW_NS)
    second, _ = await keys.create(new_key(), NOW_NS)
    assert (await keys.revoke("one", NOW_NS)).id == second.id


async def test_unknown_name_is_refused(keys):
    with pytest.raises(KeysError, match="'two' does not exist"):
        await keys.revoke("two", NOW_NS)


async def test_change_by_another_connection_holds_for_the_next_lookup(keys, tmp_path):
    _, token = await keys.create(new_key(), NOW_NS)
    assert keys.find(token) is not None
    other = sqlite3.connect(tmp_path / "cellblock.db")
    other.execute("UPDATE api_keys SET revoked_at_ns = 1")
    assert keys.find(token) is not None
    other.commit()
    other.close()
    assert keys.find(token) is None


async def test_lookup_takes_microseconds_among_many_keys_while_the_store_is_written(keys):
    token = ""
    for number in range(300):
        _, token = await keys.create(new_key(f"n{number}"), NOW_NS)
    writing = asyncio.create_task(_create_more(keys))
    await asyncio.sleep(0)
    lookups = []
    for _ in range(200):
        started_s = time.perf_counter()
        assert keys.find(token) is not None
        lookups.append(time.perf_counter() - started_s)
        await asyncio.sleep(0)
    await writing
    assert sorted(lookups)[100] < 0.001


async def _create_more(keys):
    for number in range(50):
        await keys.create(new_key(f"more{number}"), NOW_NS)


async def test_lookup_in_a_closed_database_is_a_store_error(tmp_path):
    with pytest.raises(StoreError, match="not open"):
        Keys(Database(tmp_path)).find("x")


async def test_lookup_without_the_table_is_a_store_error(keys, tmp_path):
    other = sqlite3.connect(tmp_path / "cellblock.db")
    other.execute("DROP TABLE api_keys")
    other.close()
    with pytest.raises(StoreError, match="could not be read"):
        keys.find("x")
    assert keys.concurrency_of("key_1") == 1


async def test_use_is_written_behind_and_the_last_of_many_stands(keys):
    made, token = await keys.create(new_key(per_day=1000), NOW_NS)
    for used in range(1, 501):
        keys.use.note(made.id, used, 2_000_000_000)
    await until(lambda: keys.find(token).day_used == 500)
    assert keys.find(token).day_resets_at_s == 2_000_000_000


async def test_use_noted_just_before_the_end_is_kept(tmp_path):
    database = Database(tmp_path)
    database.open()
    keys = Keys(database)
    made, token = await keys.create(new_key(per_day=1000), NOW_NS)
    keys.use.note(made.id, 1, 2_000_000_000)
    keys.use.note(made.id, 2, 2_000_000_000)
    keys.use.flush()
    database.close()
    again = Database(tmp_path)
    again.open()
    assert Keys(again).find(token).day_used == 2
    again.close()


async def test_use_that_could_not_be_written_is_written_with_the_next(keys, tmp_path):
    made, token = await keys.create(new_key(per_day=1000), NOW_NS)
    other, _ = await keys.create(new_key("two", per_day=1000), NOW_NS)
    breaker = sqlite3.connect(tmp_path / "cellblock.db", isolation_level=None)
    breaker.execute("ALTER TABLE api_keys RENAME TO elsewhere")
    keys.use.note(made.id, 7, 2_000_000_000)
    await until(lambda: keys.use._writing is None)
    breaker.execute("ALTER TABLE elsewhere RENAME TO api_keys")
    breaker.close()
    keys.use.note(other.id, 1, 2_000_000_000)
    await until(lambda: keys.find(token).day_used == 7)
