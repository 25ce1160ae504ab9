"""Runs that leave no record: their place in the queue, their clients, and what goes wrong on our side."""

from __future__ import annotations

import asyncio
import json

import pytest

from cellblock.errors import RequestRefused
from cellblock.model import EnforcementMode, Remedy, Verdict
from doubles import CannotServeError, Gate, make_executed, make_outcome, make_status, until
from running import running

pytestmark = pytest.mark.anyio

PROGRAM = {"language": "python", "code": "print(1)"}
REQUESTS = {
    "/v1/execute": PROGRAM,
    "/api/v2/execute": {"language": "python", "version": "*", "files": [{"content": "print(1)"}]},
}
both_dialects = pytest.mark.parametrize("route", REQUESTS)


class ExecutedGate(Gate):
    """Holds every job and lets it end well, stages and all."""

    async def __call__(self, job):
        await super().__call__(job)
        return make_executed()


def raw_request(route: str) -> bytes:
    body = json.dumps(REQUESTS[route]).encode()
    return (
        b"POST %s HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        b"content-length: %d\r\n\r\n%s"
    ) % (route.encode(), len(body), body)


async def client(port: int, route: str = "/v1/execute"):
    """Send a request as a program of its own would; returns the open connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(raw_request(route))
    return reader, writer


def message_of(answer) -> str:
    body = answer.json()
    return body["message"] if "message" in body else body["error"]["message"]


@both_dialects
async def test_client_that_disconnects_ends_its_run_and_frees_the_slot(tmp_path, route):
    gate = ExecutedGate()
    status = make_status(slots=1)
    async with running(tmp_path, script=gate, status=status) as service:
        _, writer = await client(service.port, route)
        await until(lambda: gate.held == 1)
        next_one = asyncio.create_task(service.http.post(route, json=REQUESTS[route]))
        await service.queued(1)
        writer.transport.abort()
        await until(lambda: gate.held == 2)
        assert service.supervisor.cancelled == service.supervisor.jobs[:1]
        gate.open()
        assert (await next_one).status_code == 200


async def test_client_that_says_goodbye_politely_ends_its_run_too(tmp_path):
    gate = ExecutedGate()
    async with running(tmp_path, script=gate) as service:
        _, writer = await client(service.port)
        await until(lambda: gate.held == 1)
        writer.close()
        await until(lambda: bool(service.supervisor.cancelled))


async def test_client_that_disconnects_while_it_waits_leaves_the_queue_and_nothing_is_run(tmp_path):
    gate = ExecutedGate()
    async with running(tmp_path, script=gate) as service:
        busy = [await client(service.port) for _ in range(2)]
        await until(lambda: gate.held == 2)
        waiting = [await client(service.port) for _ in range(3)]
        await service.queued(3)
        waiting[1][1].transport.abort()
        await service.queued(2)
        gate.open()
        for reader, _ in (busy[0], busy[1], waiting[0], waiting[2]):
            assert (await reader.readline()) == b"HTTP/1.1 200 OK\r\n"
        assert len(service.supervisor.jobs) == 4
        assert service.supervisor.cancelled == []
        for _, writer in (*busy, *waiting):
            writer.close()


async def test_connection_can_be_used_again_after_an_answer(service):
    async def script(_job):
        return make_executed()

    service.supervisor.script = script
    reader, writer = await client(service.port)
    for _ in range(3):
        assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")
        await reader.readuntil(b"}}")
        writer.write(raw_request("/v1/execute"))
    assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")
    writer.close()
    assert len(service.supervisor.jobs) == 4
    assert service.supervisor.cancelled == []


async def test_requests_sent_without_waiting_for_answers_are_answered_in_turn(service):
    async def script(_job):
        return make_executed()

    service.supervisor.script = script
    reader, writer = await client(service.port)
    writer.write(raw_request("/v1/execute") * 4)
    for _ in range(5):
        assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")
        await reader.readuntil(b"}}")
    writer.close()
    assert service.supervisor.cancelled == []


@both_dialects
async def test_full_queue_is_503_with_retry_after_and_counts_submissions_too(tmp_path, route):
    gate = ExecutedGate()
    async with running(tmp_path, script=gate, changes={"CELLBLOCK_QUEUE_CAPACITY": "2"}) as service:
        running_now = [asyncio.create_task(service.execute("1")) for _ in range(2)]
        await until(lambda: gate.held == 2)
        submitted = await service.submit(wait=False)
        waiting = asyncio.create_task(service.execute("1"))
        await service.queued(2)
        refused = await service.http.post(route, json=REQUESTS[route])
        assert refused.status_code == 503
        assert message_of(refused) == "queue full, try again later"
        if route == "/v1/execute":
            assert refused.json()["error"]["code"] == "overloaded"
        assert int(refused.headers["retry-after"]) >= 1
        assert (await service.submit(wait=False)).status_code == 503
        gate.open()
        for answer in (*running_now, waiting):
            assert (await answer).status_code == 200
        assert (await service.finished(submitted.json()["id"]))["verdict"] == "AC"


async def test_submissions_and_errands_are_run_in_the_order_in_which_they_came(tmp_path):
    gate = ExecutedGate()
    async with running(tmp_path, script=gate, status=make_status(slots=1)) as service:
        first = asyncio.create_task(service.execute("0"))
        await until(lambda: gate.held == 1)
        errands = []
        for depth, code in enumerate("1234", 1):
            if depth % 2:
                await service.submit(code, wait=False)
            else:
                errands.append(asyncio.create_task(service.execute(code)))
            await service.queued(depth)
        gate.open()
        await asyncio.gather(first, *errands)
        assert [job.files[0].content for job in service.supervisor.jobs] == [b"0", b"1", b"2", b"3", b"4"]


@both_dialects
async def test_failure_of_ours_is_a_500_that_names_the_request(service, route):
    async def script(_job):
        return make_outcome(verdict=Verdict.IE, exit_code=None, error_message="cell step cgroup failed")

    service.supervisor.script = script
    answer = await service.http.post(route, json=REQUESTS[route])
    assert answer.status_code == 500
    assert "cell step cgroup failed" in message_of(answer)
    job_id = service.supervisor.jobs[0].id
    assert job_id in answer.text
    if route == "/v1/execute":
        assert answer.json()["error"] | {"message": ""} == {
            "code": "internal", "message": "", "requestId": job_id,
        }  # fmt: skip


@both_dialects
async def test_job_that_the_supervisor_cannot_serve_is_a_500_with_its_words(service, route):
    async def script(_job):
        raise CannotServeError("no runtime 'python-1' on this host")

    service.supervisor.script = script
    answer = await service.http.post(route, json=REQUESTS[route])
    assert answer.status_code == 500
    assert "no runtime 'python-1' on this host" in message_of(answer)


@both_dialects
async def test_job_that_cannot_be_run_as_asked_is_a_400_in_the_supervisors_words(service, route):
    async def script(_job):
        raise RequestRefused(400, "files: the main file has to be called 'A.java'")

    service.supervisor.script = script
    answer = await service.http.post(route, json=REQUESTS[route])
    assert answer.status_code == 400
    assert message_of(answer) == "files: the main file has to be called 'A.java'"


@both_dialects
async def test_call_whose_supervisor_was_lost_runs_again(tmp_path, route):
    gate = ExecutedGate()
    async with running(tmp_path, script=gate) as service:
        answer = asyncio.create_task(service.http.post(route, json=REQUESTS[route]))
        await until(lambda: gate.held == 1)
        await service.supervisor.die()
        await service.gone()
        away = await service.http.post(route, json=REQUESTS[route])
        assert (away.status_code, away.headers["retry-after"]) == (503, "1")

        gate.open()
        await service.supervisor.start()
        assert (await answer).status_code == 200
        assert gate.held == 2


@both_dialects
async def test_call_that_loses_its_supervisor_three_times_is_a_500_that_says_so(tmp_path, route):
    gate = ExecutedGate()
    async with running(tmp_path, script=gate) as service:
        answer = asyncio.create_task(service.http.post(route, json=REQUESTS[route]))
        for starts in (1, 2, 3):
            await until(lambda: gate.held == starts)  # noqa: B023  # awaited before the next round
            await service.supervisor.die()
            await service.supervisor.start()
        assert (await answer).status_code == 500
        assert "given up after 3 starts" in message_of(await answer)
        assert gate.held == 3
        gate.open()
        await service.ready()
        assert (await service.http.post(route, json=REQUESTS[route])).status_code == 200


async def test_client_that_leaves_while_its_call_waits_for_another_start_ends_it(tmp_path):
    gate = ExecutedGate()
    async with running(tmp_path, script=gate) as service:
        call = asyncio.create_task(service.execute("1"))
        await until(lambda: gate.held == 1)
        await service.supervisor.die()
        await service.gone()
        call.cancel()
        await asyncio.sleep(0.05)
        await service.supervisor.start()
        await service.ready()
        gate.open()
        assert (await service.execute("2")).status_code == 200
        assert [job.files[0].content for job in service.supervisor.jobs] == [b"1", b"2"]


@both_dialects
async def test_host_without_isolation_refuses_and_says_why(service, route):
    problem = Remedy(feature="memory_limit", ok=False, detail="no memory controller", remedy="mount it")
    status = make_status(enforcement_mode=EnforcementMode.NONE, problems=(problem,))
    await service.supervisor.announce(status)
    async with asyncio.timeout(5):
        while (await service.http.get("/api/health/ready")).status_code == 200:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    answer = await service.http.post(route, json=REQUESTS[route])
    assert answer.status_code == 503
    assert "memory_limit: no memory controller" in message_of(answer)
    assert service.supervisor.jobs == []


async def test_stopping_service_lets_errands_end_and_sends_away_those_that_wait(tmp_path):
    gate = ExecutedGate()
    async with running(tmp_path, script=gate, status=make_status(slots=1)) as service:
        under_way = asyncio.create_task(service.execute("1"))
        await until(lambda: gate.held == 1)
        waits = asyncio.create_task(service.execute("2"))
        await service.queued(1)
        service.stop.set()
        sent_away = await waits
        assert sent_away.status_code == 503
        assert sent_away.json()["error"]["code"] == "overloaded"
        assert sent_away.headers["retry-after"] == "1"
        gate.open()
        assert (await under_way).status_code == 200
        await service.task


async def test_errand_that_outlives_the_drain_is_ended_and_told(tmp_path):
    gate = ExecutedGate()
    async with running(tmp_path, script=gate, changes={"CELLBLOCK_DRAIN_TIMEOUT_MS": "50"}) as service:
        under_way = asyncio.create_task(service.execute("1"))
        await until(lambda: gate.held == 1)
        service.stop.set()
        assert (await under_way).status_code == 503
        await until(lambda: bool(service.supervisor.cancelled))
        await service.task
