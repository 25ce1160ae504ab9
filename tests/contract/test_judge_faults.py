"""Waiting, repeating, full queues and supervisors that go away."""

from __future__ import annotations

import asyncio
import json
import uuid

import msgspec
import pytest

from cellblock.errors import RequestRefused
from cellblock.model import EnforcementMode, Remedy, Verdict, VerdictCause
from doubles import CannotServeError, Gate, make_outcome, make_status, until
from running import running

pytestmark = pytest.mark.anyio

RECORD_KEYS = [
    "id", "language", "job_status", "schema_version", "verdict", "exit_code", "signal", "stdout", "stderr",
    "output_integrity", "error_message", "cpu_time_secs", "wall_time_secs", "memory_peak_bytes", "evidence",
    "created_at", "started_at", "completed_at",
]  # fmt: skip


async def test_held_answer_comes_due_as_408_and_the_job_goes_on(tmp_path):
    async with running(tmp_path, changes={"CELLBLOCK_SYNC_WAIT_MAX_MS": "100"}) as service:
        gate = Gate()
        service.supervisor.script = gate
        response = await service.submit()
        assert response.status_code == 408
        body = response.json()
        assert list(body) == ["id", "error"]
        record = (await service.http.get(f"/api/result/{body['id']}")).json()
        assert list(record) == RECORD_KEYS
        assert record["job_status"] == "running"
        unset = set(RECORD_KEYS) - {
            "id",
            "language",
            "job_status",
            "schema_version",
            "created_at",
            "started_at",
        }
        assert {key for key in RECORD_KEYS if record[key] is None} == unset
        gate.open()
        assert (await service.finished(body["id"]))["job_status"] == "completed"


async def test_client_that_disconnects_while_it_waits_changes_nothing(service):
    gate = Gate()
    service.supervisor.script = gate
    body = json.dumps({"language": "python", "code": "1"}).encode()
    _, writer = await asyncio.open_connection("127.0.0.1", service.port)
    writer.write(
        b"POST /api/submit?wait=true HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        b"content-length: %d\r\n\r\n%s" % (len(body), body)
    )
    await until(lambda: gate.held == 1)
    writer.transport.abort()
    await asyncio.sleep(0.05)
    gate.open()
    submission_id = service.supervisor.jobs[0].id
    assert (await service.finished(submission_id))["verdict"] == "AC"


async def test_full_queue_answers_503_and_leaves_no_row(tmp_path):
    async with running(tmp_path, changes={"CELLBLOCK_QUEUE_CAPACITY": "2"}) as service:
        gate = Gate()
        service.supervisor.script = gate
        for _ in range(2):
            await service.submit(wait=False)
        await until(lambda: gate.held == 2)
        for _ in range(2):
            assert (await service.submit(wait=False)).status_code == 202
        key = {"idempotency-key": str(uuid.uuid4())}
        body = {"language": "python", "code": "1"}
        refused = await service.http.post("/api/submit", json=body, headers=key)
        assert refused.status_code == 503
        assert refused.json() == {"error": "queue full, try again later"}
        assert int(refused.headers["retry-after"]) >= 1
        assert len(await service.store.unfinished()) == 4
        gate.open()
        await until(lambda: len(service.supervisor.jobs) == 4 and not service.supervisor.busy)
        accepted = await service.http.post("/api/submit?wait=true", json=body, headers=key)
        assert accepted.status_code == 200


async def test_known_idempotency_key_replays_the_first_record_even_to_a_full_queue(tmp_path):
    async with running(tmp_path, changes={"CELLBLOCK_QUEUE_CAPACITY": "1"}) as service:
        key = str(uuid.uuid4())
        body = {"language": "python", "code": "first"}
        first = await service.http.post("/api/submit?wait=true", json=body, headers={"idempotency-key": key})
        gate = Gate()
        service.supervisor.script = gate
        for count in range(1, 3):
            await service.submit(wait=False)
            await until(lambda count=count: gate.held == count)
        assert (await service.submit(wait=False)).status_code == 202
        assert (await service.submit(wait=False)).status_code == 503
        replay = await service.http.post(
            "/api/submit?wait=true",
            json={"language": "python", "code": "second"},
            headers={"idempotency-key": key.upper()},
        )
        assert (first.status_code, replay.status_code) == (200, 202)
        assert replay.json() == first.json()
        gate.open()


async def test_of_simultaneous_submissions_with_one_key_one_runs(service):
    headers = {"idempotency-key": str(uuid.uuid4())}
    body = {"language": "python", "code": "1"}
    answers = await asyncio.gather(
        *(service.http.post("/api/submit", json=body, headers=headers) for _ in range(20))
    )
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    await until(lambda: bool(service.supervisor.jobs) and not service.supervisor.busy)
    assert len(service.supervisor.jobs) == 1


async def test_idempotency_key_that_is_no_uuid_is_ignored(service):
    headers = {"idempotency-key": "order-17"}
    body = {"language": "python", "code": "1"}
    ids = {
        (await service.http.post("/api/submit?wait=true", json=body, headers=headers)).json()["id"]
        for _ in range(2)
    }
    assert len(ids) == 2


async def test_submission_whose_supervisor_was_lost_runs_again(service):
    gate = Gate()
    service.supervisor.script = gate
    waiting = asyncio.create_task(service.submit())
    await until(lambda: gate.held == 1)
    await service.supervisor.die()
    await service.gone()
    meanwhile = await service.submit()
    assert meanwhile.status_code == 503
    assert meanwhile.headers["retry-after"] == "1"
    async with asyncio.timeout(5):  # the start is noted beside the run, not before it
        while [waits.starts for waits in await service.store.unfinished()] != [1]:
            pass

    gate.open()
    await service.supervisor.start()
    record = (await waiting).json()
    assert (record["job_status"], record["verdict"]) == ("completed", "AC")
    assert gate.held == 2
    assert (await service.http.get(f"/api/result/{record['id']}")).json() == record


async def test_submission_that_loses_its_supervisor_three_times_is_an_error_that_says_so(service):
    gate = Gate()
    service.supervisor.script = gate
    waiting = asyncio.create_task(service.submit())
    for starts in (1, 2, 3):
        await until(lambda: gate.held == starts)  # noqa: B023  # awaited before the next round
        await service.supervisor.die()
        await service.supervisor.start()
    response = await waiting

    assert response.status_code == 200
    record = response.json()
    assert list(record) == RECORD_KEYS
    assert (record["job_status"], record["verdict"], record["exit_code"]) == ("error", "IE", None)
    assert record["error_message"].startswith("given up after 3 starts")
    assert record["evidence"]["verdict_cause"] == VerdictCause.IE_SUPERVISOR_FAILURE
    assert record["evidence"]["controls_applied"] == []
    assert set(record["evidence"]["cgroup"].values()) == {None}
    assert record["cpu_time_secs"] is record["memory_peak_bytes"] is record["wall_time_secs"] is None
    assert (await service.http.get(f"/api/result/{record['id']}")).json() == record
    assert gate.held == 3

    gate.open()
    await service.ready()
    assert (await service.submit()).json()["verdict"] == "AC"


async def test_job_that_waited_while_the_supervisor_was_away_runs_when_it_is_back(service):
    gate = Gate()
    service.supervisor.script = gate
    ids = [(await service.submit(wait=False)).json()["id"] for _ in range(3)]
    await until(lambda: gate.held == 2)
    await service.supervisor.die()
    gate.open()
    await service.supervisor.start()
    assert (await service.finished(ids[2]))["verdict"] == "AC"


async def test_job_that_the_supervisor_cannot_serve_is_an_error_with_its_words(service):
    async def script(_job):
        raise CannotServeError("cell step mount_root failed: Operation not permitted")

    service.supervisor.script = script
    record = (await service.submit()).json()
    assert (record["job_status"], record["verdict"]) == ("error", "IE")
    assert record["error_message"] == "cell step mount_root failed: Operation not permitted"


async def test_job_that_the_supervisor_refuses_as_asked_is_an_error_that_says_why(service):
    async def script(_job):
        raise RequestRefused(400, "files: the main file has to be called 'A.java'")

    service.supervisor.script = script
    record = (await service.submit()).json()
    assert (record["job_status"], record["verdict"]) == ("error", "IE")
    assert record["error_message"] == "files: the main file has to be called 'A.java'"


async def test_internal_error_verdict_makes_the_job_an_error(service):
    async def script(_job):
        return make_outcome(verdict=Verdict.IE, exit_code=None, error_message="cleanup failed")

    service.supervisor.script = script
    record = (await service.submit()).json()
    assert (record["job_status"], record["error_message"]) == ("error", "cleanup failed")


async def test_host_without_isolation_refuses_submissions_and_says_why(service):
    problem = Remedy(feature="memory_limit", ok=False, detail="no memory controller", remedy="mount it")
    status = make_status(enforcement_mode=EnforcementMode.NONE, problems=(problem,))
    await service.supervisor.announce(status)
    await asyncio.sleep(0.05)
    response = await service.submit()
    assert response.status_code == 503
    assert "memory_limit: no memory controller" in response.json()["error"]
    assert "retry-after" in response.headers
    assert service.supervisor.jobs == []


async def test_slots_bound_how_many_jobs_run_at_a_time(service):
    gate = Gate()
    service.supervisor.script = gate
    for _ in range(5):
        await service.submit(wait=False)
    await until(lambda: gate.held == 2)
    await asyncio.sleep(0.05)
    assert gate.held == 2
    await service.supervisor.announce(msgspec.structs.replace(service.supervisor.status, slots=4))
    await until(lambda: gate.held == 4)
    gate.open()
