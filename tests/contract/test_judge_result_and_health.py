from __future__ import annotations

import asyncio
import sqlite3
import uuid

import pytest

from cellblock import __version__
from cellblock.model import EnforcementMode, Remedy
from cellblock.store import Store
from doubles import Gate, make_status, until
from running import left_unfinished, running

pytestmark = pytest.mark.anyio


async def test_result_is_the_record_that_the_sync_answer_was(service):
    record = (await service.submit()).json()
    for written in (record["id"], record["id"].upper()):
        response = await service.http.get(f"/api/result/{written}")
        assert (response.status_code, response.json()) == (200, record)


async def test_unknown_submission_is_404(service):
    response = await service.http.get(f"/api/result/{uuid.uuid4()}")
    assert (response.status_code, response.json()) == (404, {"error": "submission not found"})


@pytest.mark.parametrize(
    "text", ["1", "not-a-uuid", "{00000000-0000-0000-0000-000000000000}", "%00", "0" * 32]
)
async def test_id_that_is_no_uuid_is_400(service, text):
    response = await service.http.get(f"/api/result/{text}")
    assert response.status_code == 400
    assert list(response.json()) == ["error"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/api/nothing", 404),
        ("GET", "/api/result/", 404),
        ("GET", "/api/submit", 405),
        ("PUT", "/api/submit", 405),
        ("POST", "/api/health", 405),
        ("DELETE", "/api/languages", 405),
    ],
)
async def test_routing_errors_have_the_dialects_body(service, method, path, status):
    response = await service.http.request(method, path)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/json"
    assert list(response.json()) == ["error"]


async def test_health_has_the_documented_keys_in_order(service):
    response = await service.http.get("/api/health")
    assert response.status_code == 200
    assert list(response.json().items()) == [
        ("status", "ok"),
        ("enforcement_mode", "strict"),
        ("cgroup_backend", "cgroup_v1"),
        ("namespace_support", True),
        ("workers", 2),
        ("queue_depth", 0),
        ("node_id", "node-under-test"),
        ("version", __version__),
    ]


async def test_ready_says_so(service):
    response = await service.http.get("/api/health/ready")
    assert (response.status_code, response.json()) == (200, {"status": "ready"})


async def test_without_a_supervisor_health_is_200_and_degraded_and_ready_is_503(tmp_path):
    async with running(tmp_path, connected=False) as service:
        health = await service.http.get("/api/health")
        assert (health.status_code, health.json()["status"]) == (200, "degraded")
        assert (health.json()["enforcement_mode"], health.json()["workers"]) == ("none", 0)
        ready = await service.http.get("/api/health/ready")
        assert ready.status_code == 503
        assert "supervisor" in ready.json()["error"]
        assert (await service.http.get("/api/languages")).json() == []
        await service.supervisor.start()
        await service.ready()


async def test_ready_names_each_control_that_does_not_hold(service):
    problems = (
        Remedy(feature="memory_limit", ok=False, detail="no memory controller", remedy="boot with it"),
        Remedy(feature="pid_namespace", ok=False, detail="clone3: EPERM"),
    )
    await service.supervisor.announce(make_status(enforcement_mode=EnforcementMode.NONE, problems=problems))
    await asyncio.sleep(0.05)
    ready = await service.http.get("/api/health/ready")
    assert ready.status_code == 503
    for text in ("memory_limit: no memory controller", "boot with it", "pid_namespace: clone3: EPERM"):
        assert text in ready.json()["error"]
    health = (await service.http.get("/api/health")).json()
    assert (health["status"], health["enforcement_mode"]) == ("degraded", "none")


async def test_unreadable_store_is_503_everywhere_and_never_shows_the_driver(service, tmp_path):
    with sqlite3.connect(tmp_path / "cellblock.db") as connection:
        connection.execute("DROP TABLE submissions")
    connection.close()
    ready = await service.http.get("/api/health/ready")
    result = await service.http.get(f"/api/result/{uuid.uuid4()}")
    submitted = await service.submit()
    for response in (ready, result, submitted):
        assert response.status_code == 503
        assert "retry-after" in response.headers
        assert "the store cannot be reached" in response.json()["error"]
    assert (await service.http.get("/api/health")).json()["status"] == "degraded"


async def test_unexpected_failure_is_500_with_nothing_of_its_insides(service, monkeypatch):
    async def broken(*_arguments, **_more):
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(Store, "find", broken)
    response = await service.http.get(f"/api/result/{uuid.uuid4()}")
    assert response.status_code == 500
    assert list(response.json()) == ["error"]
    assert response.json()["error"].startswith("internal error")
    assert "secret" not in response.text


async def test_drain_lets_runs_end_refuses_new_work_and_keeps_what_waits(tmp_path):
    async with running(tmp_path) as service:
        gate = Gate()
        service.supervisor.script = gate
        held = [asyncio.create_task(service.submit()) for _ in range(2)]
        await until(lambda: gate.held == 2)
        late = asyncio.create_task(service.submit())
        await service.queued(1)
        service.stop.set()
        turned_away = await late
        assert turned_away.status_code == 408
        assert "stopping" in turned_away.json()["error"]
        ready = await service.http.get("/api/health/ready")
        assert ready.status_code == 503
        assert "stopping" in ready.json()["error"]
        refused = await service.submit()
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        gate.open()
        assert [(await answer).json()["verdict"] for answer in held] == ["AC", "AC"]

    kept = await left_unfinished(tmp_path)
    assert [entry.record.id for entry in kept] == [turned_away.json()["id"]]

    async with running(tmp_path) as service:
        assert (await service.finished(kept[0].record.id))["verdict"] == "AC"


async def test_drain_ends_in_time_and_leaves_late_runs_to_the_next_start(tmp_path):
    async with running(tmp_path, changes={"CELLBLOCK_DRAIN_TIMEOUT_MS": "200"}) as service:
        gate = Gate()
        service.supervisor.script = gate
        waiting = asyncio.create_task(service.submit())
        await until(lambda: gate.held == 1)
        service.stop.set()
        assert (await waiting).status_code == 408

    kept = await left_unfinished(tmp_path)
    assert [(entry.starts, entry.record.job_status) for entry in kept] == [(1, "running")]


async def test_supervisor_lost_while_draining_leaves_the_run_to_the_next_start(tmp_path):
    async with running(tmp_path) as service:
        gate = Gate()
        service.supervisor.script = gate
        waiting = asyncio.create_task(service.submit())
        await until(lambda: gate.held == 1)
        service.stop.set()
        await asyncio.sleep(0.02)
        await service.supervisor.die()
        assert (await waiting).status_code == 408

    assert len(await left_unfinished(tmp_path)) == 1


async def test_job_that_saw_three_starts_is_given_up_with_a_clear_error(tmp_path):
    gate = Gate()
    async with running(tmp_path, changes={"CELLBLOCK_DRAIN_TIMEOUT_MS": "1"}, script=gate) as service:
        submission_id = (await service.submit(wait=False)).json()["id"]
        await until(lambda: gate.held == 1)
    for starts in (2, 3):
        async with running(tmp_path, changes={"CELLBLOCK_DRAIN_TIMEOUT_MS": "1"}, script=gate):
            await until(lambda starts=starts: gate.held == starts)

    async with running(tmp_path, script=gate) as service:
        record = await service.finished(submission_id)
        assert (record["job_status"], record["verdict"]) == ("error", "IE")
        assert record["evidence"]["verdict_cause"] == "ie_supervisor_failure"
        assert "3 starts" in record["error_message"]
        assert service.supervisor.jobs == []
