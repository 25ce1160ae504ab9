"""POST /api/submit, over a real socket, against a supervisor of which only the runs are scripted."""

from __future__ import annotations

import re
import uuid

import pytest

from cellblock.model import OutputIntegrity
from doubles import Gate, make_outcome, until

pytestmark = pytest.mark.anyio

RECORD_KEYS = [
    "id", "language", "job_status", "schema_version", "verdict", "exit_code", "signal", "stdout", "stderr",
    "output_integrity", "error_message", "cpu_time_secs", "wall_time_secs", "memory_peak_bytes", "evidence",
    "created_at", "started_at", "completed_at",
]  # fmt: skip
EVIDENCE_KEYS = [
    "verdict_cause", "verdict_actor", "isolation_mode", "controls_applied", "controls_missing", "cgroup",
    "timing", "process_lifecycle", "judge_actions", "collection_errors",
]  # fmt: skip
TIMESTAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}\+00:00"


async def test_sync_submission_answers_200_with_the_record_in_the_documented_order(service):
    response = await service.submit("print(2 + 2)", stdin="World")

    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    record = response.json()
    assert list(record) == RECORD_KEYS
    assert list(record["evidence"])[: len(EVIDENCE_KEYS)] == EVIDENCE_KEYS
    assert list(record["evidence"]["cgroup"]) == [
        "cpu_usage_usec", "memory_limit_bytes", "memory_peak_bytes", "oom_events", "oom_kill_events",
        "process_count", "process_limit",
    ]  # fmt: skip
    assert list(record["evidence"]["timing"]) == ["cpu_ms", "wall_ms", "cpu_wall_ratio", "divergence"]
    assert record["job_status"] == "completed"
    assert record["schema_version"] == "1.0"
    assert (record["verdict"], record["exit_code"], record["signal"]) == ("AC", 0, None)
    assert (record["stdout"], record["stderr"], record["output_integrity"]) == ("4\n", "", "complete")
    assert (record["cpu_time_secs"], record["wall_time_secs"]) == (0.009142, 0.010345678)
    assert record["memory_peak_bytes"] == 3_862_528
    times = [record["created_at"], record["started_at"], record["completed_at"]]
    assert times == sorted(times)
    job = service.supervisor.jobs[0]
    assert (job.id, job.language, job.stdin) == (record["id"], "python", b"World")
    assert [(file.name, file.content) for file in job.files] == [("", b"print(2 + 2)")]


@pytest.mark.parametrize("field", ["created_at", "started_at", "completed_at"])
async def test_timestamps_are_rfc_3339_with_nanoseconds(service, field):
    record = (await service.submit()).json()
    assert re.fullmatch(TIMESTAMP, record[field])


async def test_async_submission_is_on_disk_before_its_202_leaves(service):
    gate = Gate()
    service.supervisor.script = gate
    response = await service.submit(wait=False)

    assert response.status_code == 202
    body = response.json()
    assert list(body) == ["id", "job_status", "queue_depth"]
    assert body["job_status"] == "pending"
    assert uuid.UUID(body["id"]).version == 4
    assert await service.store.get(body["id"]) is not None
    gate.open()


async def test_queue_depth_counts_the_waiting_jobs_before_this_one(service):
    gate = Gate()
    service.supervisor.script = gate
    answers = [(await service.submit(wait=False)).json() for _ in range(2)]
    await until(lambda: gate.held == 2)  # both slots are taken; what follows waits
    answers += [(await service.submit(wait=False)).json() for _ in range(3)]

    assert [answer["queue_depth"] for answer in answers[2:]] == [0, 1, 2]
    assert (await service.http.get("/api/health")).json()["queue_depth"] == 3
    gate.open()


async def test_wait_is_false_unless_asked_for(service):
    response = await service.http.post("/api/submit", json={"language": "python", "code": "1"})
    assert response.status_code == 202


async def test_unknown_query_keys_body_fields_and_api_keys_are_ignored(service):
    response = await service.http.post(
        "/api/submit?wait=true&colour=red",
        json={"language": "python", "code": "1", "colour": {"red": [1]}, "webhook_secret": "unused"},
        headers={"x-api-key": "rb_live_anything"},
    )
    assert response.status_code == 200


@pytest.mark.parametrize("name", ["python", "Python", "PY"])
async def test_language_is_case_insensitive_and_answers_carry_the_canonical_name(service, name):
    assert (await service.submit(language=name)).json()["language"] == "python"


async def test_languages_lists_the_available_ones(service):
    assert (await service.http.get("/api/languages")).json() == ["python", "c"]


async def test_profile_reaches_the_supervisor(service):
    await service.submit(profile="executor")
    await service.submit()
    assert [job.profile for job in service.supervisor.jobs] == ["executor", "judge"]


async def test_output_that_is_no_utf8_is_replaced_in_the_answer_and_kept_as_it_was(service):
    async def script(_job):
        return make_outcome(stdout=b"a\xff\x00b", stderr=b"\xc3")

    service.supervisor.script = script
    record = (await service.submit()).json()
    assert (record["stdout"], record["stderr"]) == ("a\ufffd\x00b", "\ufffd")
    kept = await service.store.get(record["id"])
    assert (kept.outcome.stdout, kept.outcome.stderr) == (b"a\xff\x00b", b"\xc3")


async def test_ten_mebibytes_of_output_arrive_whole(service):
    async def script(_job):
        return make_outcome(
            stdout=b"x" * 10_485_760, output_integrity=OutputIntegrity.TRUNCATED_BY_JUDGE_LIMIT
        )

    service.supervisor.script = script
    record = (await service.submit()).json()
    assert record["stdout"] == "x" * 10_485_760
    assert (await service.http.get(f"/api/result/{record['id']}")).json() == record
