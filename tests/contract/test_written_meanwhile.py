"""A sync submission runs while its row is being written; nothing is answered before that is done."""

from __future__ import annotations

import asyncio

import pytest

from cellblock.errors import StoreError
from cellblock.store import Store
from doubles import Gate, until

pytestmark = pytest.mark.anyio


@pytest.fixture
async def held_insert(monkeypatch):
    """Rows are written when the test says so, or not at all."""
    written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    insert = Store.insert

    def wait_and_insert(store, new):
        async def later():
            await written
            return await insert(store, new)

        return asyncio.ensure_future(later())

    monkeypatch.setattr(Store, "insert", wait_and_insert)
    return written


async def test_program_runs_before_its_row_is_on_disk(service, held_insert):
    gate = Gate()
    service.supervisor.script = gate
    answer = asyncio.create_task(service.submit())
    await until(lambda: gate.held == 1)
    held_insert.set_result(None)
    gate.open()
    assert (await answer).json()["verdict"] == "AC"


async def test_row_that_cannot_be_written_is_refused_though_the_program_runs_and_nothing_is_left(
    service, held_insert
):
    gate = Gate()
    service.supervisor.script = gate
    answer = asyncio.create_task(service.submit())
    await until(lambda: gate.held == 1)
    held_insert.set_exception(StoreError("the disk is full", reason="the store is full"))
    response = await answer
    assert response.status_code == 503
    assert response.headers["retry-after"] == "1"
    gate.open()
    (job,) = service.supervisor.jobs
    await until(lambda: not service.supervisor.busy)
    assert (await service.http.get(f"/api/result/{job.id}")).status_code == 404
    assert await service.store.unfinished() == []


async def test_submission_with_an_idempotency_key_waits_for_its_row(service, held_insert):
    gate = Gate()
    service.supervisor.script = gate
    key = {"idempotency-key": "0b1c4c3e-5a4f-4f53-9c58-3ba8a1b0a5a1"}
    body = {"language": "python", "code": "1"}
    answer = asyncio.create_task(service.http.post("/api/submit?wait=true", json=body, headers=key))
    await asyncio.sleep(0.1)
    assert gate.held == 0
    held_insert.set_result(None)
    await until(lambda: gate.held == 1)
    gate.open()
    assert (await answer).status_code == 200
