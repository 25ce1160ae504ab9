"""What the log says of a store that fails: the first time at once, the rest in sums."""

from __future__ import annotations

import asyncio

import pytest

from cellblock.app import store_failures
from cellblock.app.store_failures import StoreFailures
from cellblock.events import StoreFailed
from doubles import until

pytestmark = pytest.mark.anyio

FULL = StoreFailed(reason="the store's disk is full", message="free space", request_id="r1")
GONE = StoreFailed(reason="the store's files are gone", message="put them back")


class Lines:
    """Stands where the log is."""

    def __init__(self) -> None:
        self.lines: list[dict[str, object]] = []

    def error(self, event: str, **fields: object) -> None:
        self.lines.append({"event": event, **fields})


@pytest.fixture
def log(monkeypatch):
    lines = Lines()
    monkeypatch.setattr(store_failures, "_log", lines)
    return lines.lines


async def test_first_of_each_reason_is_told_at_once_and_whole(log):
    failures = StoreFailures()
    for event in (FULL, GONE, *[FULL] * 1000):
        failures.note(event)
    first = {"event": "store_failed", "request": "r1", "reason": FULL.reason, "error": "free space"}
    assert log == [first, {**first, "request": None, "reason": GONE.reason, "error": GONE.message}]


async def test_the_rest_is_told_as_a_number_once_an_interval_for_as_long_as_there_is_any(log):
    failures = StoreFailures(0.05)
    failures.note(FULL)
    for _ in range(7):
        failures.note(FULL)
    await until(lambda: len(log) == 2)
    assert log[1] == {
        "event": "store_failed_again",
        "reason": FULL.reason,
        "times": 7,
        "within_s": 0.05,
        "error": "free space",
    }
    failures.note(FULL)
    await until(lambda: len(log) == 3)
    assert log[2]["times"] == 1


async def test_after_an_interval_without_any_the_next_is_a_first_one_again(log):
    failures = StoreFailures(0.01)
    failures.note(FULL)
    await until(lambda: not failures._more)
    await asyncio.sleep(0)
    assert len(log) == 1
    failures.note(FULL)
    assert [line["event"] for line in log] == ["store_failed"] * 2
