"""Who is taken when: lines of scopes that take turns."""

from __future__ import annotations

import gc

import pytest

from cellblock.dispatch import LocalQueue
from cellblock.errors import RequestRefused
from cellblock.model import Job, JobStatus, Profile, Record, SourceFile

pytestmark = pytest.mark.anyio


def make_job(name: str, code: bytes = b"") -> Job:
    return Job(id=name, language="python", files=(SourceFile("", code),), stdin=b"")


def make_record(name: str) -> Record:
    return Record(
        id=name, language="python", job_status=JobStatus.PENDING, profile=Profile.JUDGE, created_at_ns=0
    )


def put(queue: LocalQueue, *names: str):
    """Queue an errand each; the scope is the name's first letter."""
    return [queue.put_errand(make_job(name), name[0]) for name in names]


def take_all(queue: LocalQueue) -> list[str]:
    """Take and release one after another."""
    taken = []
    while (entry := queue.take()) is not None:
        taken.append(entry.id)
        queue.release(entry)
    return taken


async def test_scopes_take_turns_and_each_keeps_its_own_order():
    queue = LocalQueue(100)
    put(queue, "a1", "a2", "a3", "b1", "c1", "b2")
    assert queue.depth == 6
    assert take_all(queue) == ["a1", "b1", "c1", "a2", "b2", "a3"]
    assert queue.depth == 0


async def test_one_job_behind_a_thousand_of_another_key_is_taken_second():
    queue = LocalQueue(2000)
    put(queue, *(f"a{number}" for number in range(1000)), "b")
    assert [queue.take().id, queue.take().id] == ["a0", "b"]


async def test_scope_that_comes_again_does_not_jump_ahead():
    queue = LocalQueue(100)
    put(queue, "a1", "b1", "b2")
    assert queue.take().id == "a1"
    put(queue, "a2")
    assert take_all(queue) == ["b1", "a2", "b2"]


async def test_scope_at_its_maximum_waits_for_a_release_and_holds_nobody_up():
    queue = LocalQueue(100, {"a": 1, "b": None}.get)
    put(queue, "a1", "a2", "b1", "b2")
    first = queue.take()
    assert [first.id, queue.take().id, queue.take().id] == ["a1", "b1", "b2"]
    assert queue.take() is None
    assert queue.depth == 1
    put(queue, "a3")
    assert queue.take() is None
    queue.release(first)
    assert queue.take().id == "a2"
    assert queue.take() is None


async def test_what_is_put_back_is_the_next_to_be_taken_and_counts_once():
    queue = LocalQueue(100, {"a": 1}.get)
    put(queue, "a1", "a2", "b1")
    first = queue.take()
    queue.put_back(first)
    assert queue.depth == 3
    queue.release(first)
    assert take_all(queue) == ["a1", "b1", "a2"]


async def test_last_of_a_line_that_is_put_back_is_not_lost():
    queue = LocalQueue(100)
    (only,) = put(queue, "a1")
    assert queue.take() is only
    queue.put_back(only)
    queue.release(only)
    assert take_all(queue) == ["a1"]


async def test_withdrawn_errand_leaves_its_line():
    queue = LocalQueue(100)
    first, _ = put(queue, "a1", "b1")
    queue.withdraw(first)
    assert first.finished.cancelled()
    assert queue.depth == 1
    assert take_all(queue) == ["b1"]


async def test_errand_withdrawn_while_it_runs_leaves_the_line_alone():
    queue = LocalQueue(100)
    first, _ = put(queue, "a1", "a2")
    assert queue.take() is first
    queue.withdraw(first)
    queue.put_back(first)
    queue.release(first)
    assert queue.depth == 1
    assert take_all(queue) == ["a2"]


async def test_full_queue_still_takes_a_scope_below_its_share():
    queue = LocalQueue(4)
    put(queue, "a1", "a2", "a3", "a4")
    with pytest.raises(RequestRefused, match="queue full"):
        put(queue, "a5")
    put(queue, "b1", "b2")
    with pytest.raises(RequestRefused, match="queue full"):
        put(queue, "b3")
    with queue.place("c"), pytest.raises(RequestRefused, match="queue full"):
        put(queue, "c2", "c3")
    assert queue.depth == 7


async def test_places_that_are_held_count_for_their_scope():
    queue = LocalQueue(2)
    with queue.place("a"), queue.place("a"):
        with pytest.raises(RequestRefused), queue.place("a"):
            pass
        with queue.place("b"):
            pass
    with queue.place("a"):
        pass


async def test_abandon_cancels_whatever_waits():
    queue = LocalQueue(100, {"a": 1}.get)
    waiting = put(queue, "a1", "a2", "b1")
    running = queue.take()
    assert queue.take().id == "b1"
    assert queue.take() is None
    queue.abandon()
    queue.release(running)
    assert waiting[1].finished.cancelled()
    assert not waiting[0].finished.done()
    assert (queue.depth, queue.take()) == (0, None)


async def test_errands_may_go_ahead_of_submissions_that_keep_their_turn():
    queue = LocalQueue(100)
    queue.put(make_record("a1"), None, scope="a")
    put(queue, "a2")
    queue.put(make_record("b1"), None, scope="b")
    put(queue, "c1", "a3")
    assert [queue.take(errands_only=True).id for _ in range(2)] == ["a2", "c1"]
    assert queue.depth == 3
    errand = queue.take(errands_only=True)
    assert errand.id == "a3"
    assert queue.take(errands_only=True) is None
    assert take_all(queue) == ["b1", "a1"]


async def test_submissions_and_errands_of_a_scope_are_taken_as_they_came():
    queue = LocalQueue(100)
    put(queue, "a1")
    queue.put(make_record("a2"), None, scope="a")
    put(queue, "a3")
    queue.put(make_record("a4"), None, scope="a")
    assert take_all(queue) == ["a1", "a2", "a3", "a4"]


async def test_errands_that_wait_hold_no_more_than_their_bytes_and_each_scope_its_share():
    queue = LocalQueue(100, errands_max_bytes=100)
    big = b"x" * 40
    queue.put_errand(make_job("a1", big), "a")
    withdrawn = queue.put_errand(make_job("a2", big), "a")
    with pytest.raises(RequestRefused, match="queue full") as refused:
        queue.put_errand(make_job("a3", big), "a")
    assert (refused.value.status, refused.value.retry_after_s) == (503, 1)
    queue.put_errand(make_job("b1", big), "b")
    with pytest.raises(RequestRefused):
        queue.put_errand(make_job("b2", big), "b")
    queue.put_errand(make_job("c1", b"y" * 1000), "c")  # nothing else of its scope waits: it comes to run
    assert queue.depth == 4
    queue.withdraw(withdrawn)
    assert take_all(queue) == ["a1", "b1", "c1"]
    put(queue, "a4")
    queue.put_errand(make_job("a5", b"z" * 100), "a")


async def test_errand_that_is_put_back_holds_its_bytes_again():
    queue = LocalQueue(100, errands_max_bytes=100)
    queue.put_errand(make_job("a1", b"x" * 80), "a")
    entry = queue.take()
    queue.put_back(entry)
    queue.release(entry)
    with pytest.raises(RequestRefused):
        queue.put_errand(make_job("a2", b"x" * 80), "a")
    assert take_all(queue) == ["a1"]
    queue.put_errand(make_job("a2", b"x" * 80), "a")


async def test_submission_that_waits_is_one_object_to_the_garbage_collector():
    queue = LocalQueue(1000)
    gc.collect()
    before = len(gc.get_objects())
    for number in range(1000):
        queue.put(make_record(f"{number}"), None)
    gc.collect()
    assert len(gc.get_objects()) - before < 1010
