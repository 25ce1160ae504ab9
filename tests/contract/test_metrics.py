"""What an operator reads at ``GET /metrics``, and who may."""

from __future__ import annotations

import asyncio
import time
import uuid
from types import SimpleNamespace

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from cellblock.api import exposition
from cellblock.errors import RequestRefused
from cellblock.events import Part
from cellblock.model import CompileCacheUse, PartTimes, Profile, Verdict
from cellblock.store import NewKey
from doubles import (
    CannotServeError,
    Gate,
    answer_four,
    eventually,
    make_compile_evidence,
    make_executed,
    make_outcome,
    make_stage,
    until,
)
from receivers import LoopbackNetwork, receiving, status
from running import running

pytestmark = pytest.mark.anyio
TOKEN = "a-token-of-its-own-1234"


async def figures(service, **headers: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    answer = await service.http.get("/metrics", headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def value(found, name: str, **labels: str) -> float:
    return found[(f"cellblock_{name}", frozenset(labels.items()))]


async def test_runs_are_counted_by_language_and_verdict_and_their_parts_timed(service):
    assert (await service.submit()).json()["verdict"] == "AC"
    failed = make_outcome(verdict=Verdict.TLE)

    async def too_slow(_job):
        return failed

    service.supervisor.script = too_slow
    assert (await service.submit()).json()["verdict"] == "TLE"
    await until_counted(service, 2)
    found = await figures(service)
    assert value(found, "runs_total", language="python", verdict="AC") == 1
    assert value(found, "runs_total", language="python", verdict="TLE") == 1
    assert value(found, "queue_wait_seconds_count") == 2
    for stage in ("run", "supervisor", "store", "total"):
        assert value(found, "stage_duration_seconds_count", stage=stage) == 2, stage
    total_s = value(found, "stage_duration_seconds_sum", stage="total")
    assert 0 < value(found, "stage_duration_seconds_sum", stage="store") < total_s < 10
    # Two rows, two starts, two results; of one submission they may share a commit.
    assert value(found, "store_commit_writes_sum") >= 6
    assert 2 <= value(found, "store_commit_seconds_count") <= value(found, "store_commit_writes_sum")


async def test_program_is_timed_from_its_request_to_its_answer(tmp_path):
    times = PartTimes(prepare_ns=3_000_000, spawn_ns=1_000_000, collect_ns=2_000_000, judge_ns=40_000)
    outcome = make_executed(times=times, wall_time_ns=5_000_000)

    async def takes_a_while(_job):
        await asyncio.sleep(0.05)
        return outcome

    async with running(tmp_path, script=takes_a_while) as service:
        begun_s = time.monotonic()
        assert (await service.submit()).status_code == 200
        took_s = time.monotonic() - begun_s
        await until_counted(service, 1)
        found = await figures(service)
    sums = {
        part: value(found, "stage_duration_seconds_sum", stage=part) for part in Part if part != "compile"
    }
    assert (sums[Part.PREPARE], sums[Part.SPAWN], sums[Part.COLLECT]) == (0.003, 0.001, 0.002)
    assert (sums[Part.RUN], sums[Part.JUDGE]) == (0.005, 0.00004)
    inside_s = sum(sums[part] for part in (Part.HANDOVER, Part.PREPARE, Part.RUN, Part.COLLECT, Part.JUDGE))
    assert inside_s == pytest.approx(sums[Part.SUPERVISOR])
    assert sums[Part.SUPERVISOR] >= 0.045  # timers of the loop count from the beginning of its turn
    assert 0 < sums[Part.STORE] < sums[Part.ANSWER] + 0.02  # which waits for it
    way = (Part.PARSE, Part.ACCEPT, Part.QUEUE, Part.SUPERVISOR, Part.ANSWER)
    assert all(sums[part] > 0 for part in way)
    assert sum(sums[part] for part in way) < took_s + 0.02  # they hardly overlap
    assert ("cellblock_stage_duration_seconds_count", frozenset({("stage", "compile")})) not in found


async def test_request_without_a_result_has_no_time_of_an_answer(tmp_path):
    gate = Gate()
    async with running(tmp_path, script=gate, changes={"CELLBLOCK_SYNC_WAIT_MAX_MS": "50"}) as service:
        assert (await service.submit()).status_code == 408
        found = await figures(service)
        assert value(found, "stage_duration_seconds_count", stage="accept") == 1
        assert ("cellblock_stage_duration_seconds_count", frozenset({("stage", "answer")})) not in found
        gate.open()


async def test_execution_has_no_time_of_acceptance_but_one_of_its_answer(tmp_path):
    async def ends_well(_job):
        return make_executed()

    async with running(tmp_path, script=ends_well) as service:
        assert (await service.execute("print(1)")).status_code == 200
        await until_counted(service, 1)
        found = await figures(service)
    for part in ("parse", "queue", "supervisor", "answer"):
        assert value(found, "stage_duration_seconds_count", stage=part) == 1, part
    for part in ("accept", "store"):
        assert ("cellblock_stage_duration_seconds_count", frozenset({("stage", part)})) not in found


async def until_counted(service, runs: int) -> None:
    """A waiter is answered just before its run is counted."""
    async with asyncio.timeout(5):
        while True:
            found = await figures(service)
            if sum(number for (name, _), number in found.items() if name == "cellblock_runs_total") == runs:
                return
            await asyncio.sleep(0.005)


async def test_use_of_the_compile_cache_is_counted_and_a_hit_is_no_compilation(service):
    cold = make_executed(make_stage(), make_stage())
    uses = [CompileCacheUse.MISS, CompileCacheUse.HIT, CompileCacheUse.HIT, CompileCacheUse.BYPASS]
    answers = iter(uses)

    async def compiled(_job):
        evidence = msgspec.structs.replace(cold.evidence, compile=make_compile_evidence(next(answers)))
        return msgspec.structs.replace(cold, evidence=evidence)

    service.supervisor.script = compiled
    told = [(await service.submit(language="c")).json()["evidence"]["compile"]["cache"] for _ in uses]
    assert told == ["miss", "hit", "hit", "bypass"]
    service.supervisor.script = answer_four
    await service.submit()  # what is not compiled does not count
    await until_counted(service, 5)
    found = await figures(service)
    counted = {result: value(found, "compile_cache_total", language="c", result=result) for result in told}
    assert counted == {"hit": 2, "miss": 1, "bypass": 1}
    assert sum(number for (name, _), number in found.items() if name == "cellblock_compile_cache_total") == 4
    assert value(found, "stage_duration_seconds_count", stage="compile") == 2
    assert value(found, "stage_duration_seconds_count", stage="run") == 5


async def test_memory_of_the_compile_cache_is_what_the_supervisor_says_and_none_without_one(service):
    async def shown(size_bytes):
        async with asyncio.timeout(5):
            while value(await figures(service), "compile_cache_bytes") != size_bytes:  # noqa: ASYNC110
                await asyncio.sleep(0.005)

    await shown(0)
    await service.supervisor.tell_cache(12_345_678)
    await shown(12_345_678)
    await service.supervisor.die()
    await shown(0)


async def test_requests_are_counted_by_template_method_and_status(service):
    await service.submit()
    for _ in range(2):
        await service.http.get(f"/api/result/{uuid.uuid4()}")
    found = await figures(service)
    labels = {"route": "/api/result/{submission_id}", "method": "GET", "status": "404"}
    assert value(found, "http_request_duration_seconds_count", **labels) == 2
    labels = {"route": "/api/submit", "method": "POST", "status": "200"}
    assert value(found, "http_request_duration_seconds_count", **labels) == 1


async def test_callers_cannot_add_series(service):
    await service.http.request("BREW", "/nothing")
    await service.http.get("/nothing")
    await figures(service)
    before = set(await figures(service))
    for number in range(30):
        await service.http.request(f"BREW{number}", f"/nothing/{number}")
        await service.http.get(f"/nothing/{number}", headers={"x-request-id": f"r{number}"})
        await service.submit(language=f"no-such-{number}")
    after = set(await figures(service))
    added = {labels for name, labels in after - before if name.endswith("_count")}
    assert added == {frozenset({("route", "/api/submit"), ("method", "POST"), ("status", "400")})}


async def test_gauges_show_what_waits_what_runs_and_whether_a_supervisor_is_there(tmp_path):
    gate = Gate()
    async with running(tmp_path, script=gate) as service:
        held = [asyncio.create_task(service.submit()) for _ in range(3)]
        await until(lambda: gate.held == 2)
        await service.queued(1)
        found = await figures(service)
        assert value(found, "queue_depth") == 1
        assert value(found, "queue_capacity") == 1000
        assert (value(found, "slots"), value(found, "slots_busy")) == (2, 2)
        assert value(found, "supervisor_connected") == 1
        assert value(found, "enforcement_mode", mode="strict") == 1
        assert value(found, "language_available", language="python") == 1
        assert value(found, "language_available", language="go") == 0
        gate.open()
        await asyncio.gather(*held)
        await service.supervisor.die()
        async with asyncio.timeout(5):
            while value(await figures(service), "supervisor_connected"):  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        found = await figures(service)
        assert (value(found, "slots"), value(found, "slots_busy")) == (0, 0)
        assert value(found, "enforcement_mode", mode="none") == 1


async def test_executions_are_counted_and_an_abandoned_one_as_such(tmp_path):
    async def ends_well(_job):
        return make_executed()

    gate = Gate()
    async with running(tmp_path, script=ends_well) as service:
        assert (await service.execute("print(1)")).status_code == 200
        service.supervisor.script = gate
        waiting = asyncio.create_task(service.execute("print(1)"))
        await until(lambda: gate.held == 1)
        waiting.cancel()
        await until_counted(service, 2)
        found = await figures(service)
        assert value(found, "runs_total", language="python", verdict="AC") == 1
        assert value(found, "runs_total", language="python", verdict="abandoned") == 1
        labels = {"route": "/v1/execute", "method": "POST", "status": "499"}
        assert value(found, "http_request_duration_seconds_count", **labels) == 1
        assert value(found, "stage_duration_seconds_count", stage="total") == 2


async def test_run_that_the_supervisor_cannot_serve_is_counted(tmp_path):
    async def cannot(_job):
        raise CannotServeError("no such runtime")

    async with running(tmp_path, script=cannot) as service:
        assert (await service.submit()).json()["verdict"] == "IE"
        assert (await service.execute("print(1)")).status_code == 500
        await until_counted(service, 2)
        found = await figures(service)
        assert value(found, "runs_total", language="python", verdict="IE") == 1
        assert value(found, "runs_total", language="python", verdict="failed") == 1


async def test_run_that_is_lost_and_run_again_is_counted_once(tmp_path):
    gate = Gate()
    async with running(tmp_path, script=gate) as service:
        submitted = asyncio.create_task(service.submit())
        await until(lambda: gate.held == 1)
        await service.supervisor.die()
        gate.open()
        await service.supervisor.start()
        assert (await submitted).json()["verdict"] == "AC"
        await until_counted(service, 1)
        found = await figures(service)
        assert value(found, "runs_total", language="python", verdict="AC") == 1
        assert value(found, "stage_duration_seconds_count", stage="total") == 1


async def test_refused_quotas_and_attempts_at_webhooks_are_counted(tmp_path):
    changes = {"CELLBLOCK_ALLOW_LOCALHOST_WEBHOOKS": "true", "CELLBLOCK_ADDRESS_PER_MINUTE": "3"}
    network = LoopbackNetwork().network
    async with (
        receiving(status(503), status(200)) as receiver,
        running(tmp_path, changes=changes, network=network) as service,
    ):
        new = NewKey(name="one", profiles=(Profile.JUDGE,), per_minute=1)
        headers = {"x-api-key": (await service.keys.create(new, 1))[1]}
        body = {"language": "python", "code": "1", "webhook_url": receiver.url, "webhook_secret": "s"}
        statuses = [
            (await service.http.post("/api/submit", json=body, headers=headers)).status_code for _ in range(4)
        ]
        assert statuses == [202, 429, 429, 429]
        await until(lambda: len(receiver.calls) == 2)
        text = await eventually(lambda: metrics_text(service), lambda text: 'result="delivered"} 1.0' in text)
    for line in (
        'cellblock_quota_refusals_total{quota="key_minute"} 2.0',
        'cellblock_quota_refusals_total{quota="address"} 1.0',
        'cellblock_webhook_attempts_total{result="retry"} 1.0',
        "cellblock_webhooks_waiting 0.0",
    ):
        assert line in text


async def metrics_text(service) -> str:
    return (await service.http.get("/metrics")).text


async def test_with_a_token_nobody_else_is_answered(tmp_path):
    async with running(tmp_path, changes={"CELLBLOCK_METRICS_TOKEN": TOKEN}) as service:
        for headers in (
            {},
            {"authorization": f"Bearer {TOKEN}x"},
            {"authorization": TOKEN},
            {"x-api-key": TOKEN},
        ):
            refused = await service.http.get("/metrics", headers=headers)
            assert refused.status_code == 401, headers
            assert "metrics token" in refused.json()["error"]
        assert await figures(service, authorization=f"Bearer {TOKEN}")
        assert await figures(service, authorization=f"bearer {TOKEN}")


@pytest.mark.parametrize("header", ["x-forwarded-for", "forwarded", "x-real-ip", "via"])
async def test_without_a_token_what_a_proxy_passes_on_is_not_local(service, header):
    refused = await service.http.get("/metrics", headers={header: "127.0.0.1"})
    assert refused.status_code == 401
    assert "CELLBLOCK_METRICS_TOKEN" in refused.json()["error"]


async def test_without_a_token_a_browser_that_a_foreign_name_led_here_is_not_local(service):
    refused = await service.http.get("/metrics", headers={"host": "rebound.example"})
    assert refused.status_code == 401


@pytest.mark.parametrize(
    ("peer", "answered"),
    [
        ("127.0.0.1", True),
        ("127.8.0.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("192.0.2.1", False),
        ("::ffff:192.0.2.1", False),
        ("2001:db8::1", False),
        ("not-an-address", False),
    ],
)
async def test_without_a_token_only_loopback_peers_are_answered(peer, answered):
    request = SimpleNamespace(client=SimpleNamespace(host=peer), headers={})
    (handler,) = exposition.routes(render=lambda: b"figures", token="")
    if answered:
        assert (await handler.fn(request)).content == b"figures"
    else:
        with pytest.raises(RequestRefused) as refused:
            await handler.fn(request)
        assert refused.value.status == 401
