"""100 000 submissions wait when a service starts: it answers at once, and runs them in their order."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
import time
import uuid
from pathlib import Path

import httpx
import pytest

from cellblock.model import Profile
from cellblock.store import Database, NewSubmission, Store
from e2e.instance import NOTHING_READY, running_instance

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

MANY = 100_000
AT_ONCE = 1000
FLAGS = (*NOTHING_READY, "--queue-capacity", str(2 * MANY))


async def fill(data: Path) -> list[str]:
    """Have as many submissions wait there as if they had been accepted; returns their ids."""
    database = Database(data)
    database.open()
    store = Store(database)
    ids = [str(uuid.uuid4()) for _ in range(MANY)]
    numbered = list(enumerate(ids))
    for at in range(0, MANY, AT_ONCE):
        await asyncio.gather(*(store.insert(waiting(*each)) for each in numbered[at : at + AT_ONCE]))
    database.close()
    return ids


def waiting(number: int, submission_id: str) -> NewSubmission:
    return NewSubmission(
        id=submission_id,
        language="bash",
        profile=Profile.JUDGE,
        code=b"echo %d" % number,
        stdin=b"",
        created_at_ns=time.time_ns(),
    )


@pytest.fixture
def directory():
    with tempfile.TemporaryDirectory(prefix="cellblock-e2e-") as name:
        yield Path(name)


def test_a_service_that_starts_with_a_hundred_thousand_waiting_answers_and_loses_none(
    free_port, time_scale, directory
):
    def started():
        return running_instance(free_port, *FLAGS, directory=directory, time_scale=time_scale)

    with started() as instance:
        instance.submit_when_ready("print(1)", timeout_s=60 * time_scale)
    ids = asyncio.run(fill(directory / "data"))
    started_s = time.monotonic()
    with started() as instance:
        assert time.monotonic() - started_s < 15 * time_scale
        health = httpx.get(f"{instance.base_url}/api/health").json()
        assert MANY - 1000 < health["queue_depth"] <= MANY, health
        for number in range(100):
            assert instance.finished(ids[number], timeout_s=60 * time_scale)["stdout"] == f"{number}\n"
        assert instance.submit("print(1)", wait=False).status_code == 202
        service = instance.pid_of("service")
        assert service is not None
        os.kill(service, signal.SIGKILL)
        instance.wait_for_other("service", service, timeout_s=60 * time_scale)
        instance.submit_when_ready("print(1)", wait=False, timeout_s=60 * time_scale)
        for number in range(100, 300):
            assert instance.finished(ids[number], timeout_s=60 * time_scale)["stdout"] == f"{number}\n"
        last = httpx.get(f"{instance.base_url}/api/result/{ids[-1]}").json()
        assert last["job_status"] == "pending"
