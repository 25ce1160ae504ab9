"""What would stop everybody while requests come by the thousand."""

from __future__ import annotations

import subprocess
import sys

_MANY_THAT_WAIT = """
import collections, gc, sys
from cellblock.app import interpreter
from cellblock.dispatch import LocalQueue
from cellblock.model import JobStatus, Profile, Record

if "settled" in sys.argv:
    interpreter.settle()
before = [each["collections"] for each in gc.get_stats()]
queue = LocalQueue(200_000)
under_way = collections.deque(maxlen=32)  # each of some objects that go when it is answered
for number in range(150_000):
    under_way.append([{} for _ in range(60)])
    record = Record(
        id=str(number), language="c", job_status=JobStatus.PENDING, profile=Profile.JUDGE, created_at_ns=1
    )
    queue.put(record, None)
after = [each["collections"] for each in gc.get_stats()]
print(*(now - earlier for now, earlier in zip(after, before)), sys.getswitchinterval())
"""


def collections(*arguments: str) -> list[float]:
    command = [sys.executable, "-c", _MANY_THAT_WAIT, *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    return [float(each) for each in ended.stdout.split()]


def test_150_000_submissions_that_wait_bring_no_full_garbage_collection():
    young, middle, full, switch_s = collections("settled")
    assert (young <= 20, middle <= 4, full) == (True, True, 0)
    assert switch_s == 0.001
    young, _, full, _ = collections()
    assert young > 50  # as it would be
    assert full > 0
