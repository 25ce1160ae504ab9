from __future__ import annotations

import msgspec
import pytest

from cellblock.api.quotas import Quotas, _Windows
from cellblock.errors import RequestRefused
from cellblock.model import Profile
from cellblock.store import ApiKey


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_000_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def noted():
    return []


@pytest.fixture
def quotas(clock, noted):
    return Quotas(address_per_minute=2, note_use=lambda *use: noted.append(use), clock=clock)


def make_key(**changes):
    key = ApiKey(
        id="key_1", name="one", token_hash=b"", token_prefix="", profiles=(Profile.JUDGE,), per_minute=None,
        per_day=None, concurrency=None, created_at_ns=0, revoked_at_ns=None, day_used=0, day_resets_at_s=0,
    )  # fmt: skip
    return msgspec.structs.replace(key, **changes)


def refusal_of(quotas, key):
    with pytest.raises(RequestRefused) as caught:
        quotas.count_run(key)
    return caught.value


def test_minute_is_refused_when_used_up_and_free_again_after_it(quotas, clock):
    key = make_key(per_minute=2)
    quotas.count_run(key)
    clock.now_s += 50.5
    quotas.count_run(key)
    refusal = refusal_of(quotas, key)
    assert (refusal.status, refusal.message) == (429, "API key quota exceeded")
    assert refusal.retry_after_s == 10
    assert refusal.headers == {
        "x-ratelimit-limit": "2",
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": "1000060",
    }
    clock.now_s += refusal.retry_after_s
    quotas.count_run(key)


def test_refused_requests_do_not_count(quotas, clock):
    key = make_key(per_minute=1, per_day=2)
    quotas.count_run(key)
    for _ in range(10):
        assert refusal_of(quotas, key).headers["x-ratelimit-limit"] == "1"
    clock.now_s += 60
    quotas.count_run(key)
    assert refusal_of(quotas, key).headers["x-ratelimit-limit"] == "2"


def test_used_up_day_says_when_the_day_ends(quotas):
    key = make_key(per_minute=1, per_day=1)
    quotas.count_run(key)
    assert refusal_of(quotas, key).retry_after_s == 86_400


def test_key_without_limits_is_never_refused(quotas, noted):
    for _ in range(1000):
        quotas.count_run(make_key())
    assert noted == []


def test_keys_do_not_share_what_they_use(quotas):
    quotas.count_run(make_key(per_minute=1))
    quotas.count_run(make_key(id="key_2", per_minute=1))


def test_use_of_the_day_is_noted_with_its_end(quotas, noted):
    key = make_key(per_day=5)
    quotas.count_run(key)
    quotas.count_run(key)
    assert noted == [("key_1", 1, 1_086_400), ("key_1", 2, 1_086_400)]


def test_day_goes_on_where_an_earlier_process_left_it(quotas, clock):
    key = make_key(per_day=3, day_used=2, day_resets_at_s=1_000_100)
    quotas.count_run(key)
    assert refusal_of(quotas, key).retry_after_s == 100
    clock.now_s += 100
    quotas.count_run(key)


def test_day_that_is_over_is_not_gone_on_with(quotas):
    key = make_key(per_day=3, day_used=3, day_resets_at_s=999_999)
    for _ in range(3):
        quotas.count_run(key)


def test_row_that_lags_behind_gives_nothing_back(quotas):
    key = make_key(per_day=2, day_used=0, day_resets_at_s=0)
    quotas.count_run(key)
    quotas.count_run(msgspec.structs.replace(key, day_used=1, day_resets_at_s=1_086_400))
    assert refusal_of(quotas, key).status == 429


def test_address_is_refused_in_its_own_words(quotas, clock):
    quotas.count_address("a")
    quotas.count_address("a")
    quotas.count_address("b")
    with pytest.raises(RequestRefused, match=r"^rate limit exceeded, try again later$") as caught:
        quotas.count_address("a")
    assert (caught.value.status, caught.value.retry_after_s) == (429, 60)
    clock.now_s += 60
    quotas.count_address("a")


def test_memory_follows_those_who_come_not_those_who_came(clock):
    windows = _Windows(clock)
    for number in range(20_000):
        windows.incr(f"address/{number}", 60)
        clock.now_s += 0.1
    assert len(windows._windows) < 8192


def test_clock_set_back_holds_nobody_up_for_longer_than_a_window(quotas, clock):
    key = make_key(per_minute=1, per_day=2)
    clock.now_s += 400 * 86_400  # wrongly ahead, for a moment
    quotas.count_run(key)
    clock.now_s -= 400 * 86_400
    assert refusal_of(quotas, key).retry_after_s == 60
    clock.now_s += 60
    quotas.count_run(key)
    assert refusal_of(quotas, key).retry_after_s <= 86_400


def test_day_that_an_earlier_process_ended_in_a_wrong_year_ends_tomorrow(quotas, clock):
    key = make_key(per_day=10, day_used=10, day_resets_at_s=int(clock.now_s) + 400 * 86_400)
    assert refusal_of(quotas, key).retry_after_s == 86_400


def test_addresses_are_counted_only_where_they_have_a_limit(quotas, noted):
    assert quotas.limits_addresses
    assert not Quotas(address_per_minute=0, note_use=lambda *use: noted.append(use)).limits_addresses
