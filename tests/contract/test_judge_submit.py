"""POST /api/submit, over a real socket, against a supervisor of which only the runs are scripted."""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from pathlib import Path

import msgspec
import pytest

from cellblock.model import EnforcementMode, OutputIntegrity, Remedy, Verdict, VerdictCause
from doubles import CannotServeError, Gate, make_outcome, make_status, until
from running import running

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


@pytest.fixture
async def service(tmp_path: Path):
    async with running(tmp_path) as instance:
        yield instance


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


@pytest.mark.parametrize("query", ["wait=yes", "wait=1", "wait=", "wait=True", "wait=true&wait=false"])
async def test_other_values_of_wait_are_400(service, query):
    response = await service.http.post(f"/api/submit?{query}", json={"language": "python", "code": "1"})
    assert response.status_code == 400
    assert list(response.json()) == ["error"]
    assert "wait" in response.json()["error"]


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


async def test_unknown_language_is_named_as_sent_with_those_available(service):
    response = await service.submit(language="BrainFuck")
    assert response.status_code == 400
    assert response.json() == {"error": "unsupported language: BrainFuck. available: python, c"}


async def test_language_whose_toolchain_is_missing_is_unsupported(service):
    response = await service.submit(language="go")
    assert response.json() == {"error": "unsupported language: go. available: python, c"}


async def test_languages_lists_the_available_ones(service):
    assert (await service.http.get("/api/languages")).json() == ["python", "c"]


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        (b"", 400, "malformed JSON"),
        (b'{"language": "python", "code"', 400, "malformed JSON"),
        (b'{"language":"python","code":"1"} x', 400, "malformed JSON"),
        (b'{"language":"python","code":"\xff"}', 400, "malformed JSON"),
        (b'{"language":"python","code":"\\ud800"}', 400, "malformed JSON"),
        (b'{"language":"python","code":"\\ud800 and more text"}', 400, "malformed JSON"),
        (b'{"language":"python","code":"\\udc00 and more text"}', 400, ""),
        (b'{"language":"python","code":"1","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400, "deep"),
        (b"[" * 500_000, 422, "JSON object"),
        (b"[]", 422, "request body: expected a JSON object, got array"),
        (b"null", 422, "JSON object"),
        (b"{}", 422, "field `language` is missing: expected a string"),
        (b'{"language":"python"}', 422, "field `code` is missing"),
        (b'{"language":1,"code":"1"}', 422, "field `language`: expected a string, got int"),
        (b'{"language":"python","code":null}', 422, "field `code`: expected a string, got null"),
        (b'{"language":"python","code":["1"]}', 422, "field `code`: expected a string, got array"),
        (
            b'{"language":"python","code":"1","stdin":5}',
            422,
            "field `stdin`: expected a string or null, got int",
        ),
        (b'{"language":"python","code":"1","profile":7}', 422, "field `profile`"),
        (b'{"language":"python","code":"1","profile":"root"}', 422, "expected judge or executor, got 'root'"),
        (b'{"language":"python","code":"1","webhook_url":{}}', 422, "field `webhook_url`"),
        (b'{"language":"python","code":""}', 400, "code must not be empty"),
        (b'{"language":"python","code":"1","webhook_url":"https://example.com"}', 400, "no webhooks"),
        (
            b'{"language":"py\\u0000thon","code":"1"}',
            400,
            "unsupported language: py\x00thon. available: python, c",
        ),
    ],
)
async def test_bad_body_is_refused_naming_what_was_wrong(service, body, status, text):
    response = await service.http.post(
        "/api/submit", content=body, headers={"content-type": "application/json"}
    )
    assert response.status_code == status
    assert list(response.json()) == ["error"]
    assert text in response.json()["error"]
    assert service.supervisor.jobs == []


async def test_code_and_stdin_may_fill_their_limits_counted_in_utf8_bytes(service):
    exact = await service.submit("é" * 32_768, stdin="x" * 262_144)
    assert exact.status_code == 200
    assert len(service.supervisor.jobs[0].files[0].content) == 65_536
    assert len(service.supervisor.jobs[0].stdin) == 262_144

    code = await service.submit("é" * 32_768 + "x")
    assert (code.status_code, code.json()) == (400, {"error": "code exceeds maximum size of 64KB"})
    stdin = await service.submit("1", stdin="x" * 262_145)
    assert (stdin.status_code, stdin.json()) == (400, {"error": "stdin exceeds maximum size of 256KB"})


async def test_size_errors_name_the_configured_limit(tmp_path):
    changes = {"CELLBLOCK_CODE_MAX_BYTES": "2048", "CELLBLOCK_STDIN_MAX_BYTES": "1000"}
    async with running(tmp_path, changes=changes) as service:
        assert (await service.submit("x" * 2049)).json() == {"error": "code exceeds maximum size of 2KB"}
        too_big = await service.submit("1", stdin="x" * 1001)
        assert too_big.json() == {"error": "stdin exceeds maximum size of 1000 bytes"}


async def test_checks_answer_in_the_documented_order(service):
    everything_wrong = {"language": "no", "code": "", "stdin": "x" * 262_145, "webhook_url": "ftp://x"}
    oversized = await service.http.post("/api/submit?wait=maybe", content=b"{" + b" " * 1_048_576)
    assert oversized.status_code == 413  # before its missing content type
    unlabelled = await service.http.post("/api/submit?wait=maybe", content=b"{")
    assert unlabelled.status_code == 415

    async def text(query: str, **changes: object) -> str:
        body = {**everything_wrong, **changes}
        return (await service.http.post(f"/api/submit{query}", json=body)).json()["error"]

    assert "field `code`" in await text("?wait=maybe", code=1)
    assert "wait" in await text("?wait=maybe", profile="root")
    assert "field `profile`" in await text("", profile="root")
    assert await text("") == "code must not be empty"
    assert "stdin exceeds" in await text("", code="1")
    assert "webhook" in await text("", code="1", stdin="")
    assert "unsupported language" in await text("", code="1", stdin="", webhook_url=None)


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp"]
)
async def test_other_content_types_are_415(service, content_type):
    response = await service.http.post("/api/submit", content=b"{}", headers={"content-type": content_type})
    assert response.status_code == 415
    assert "application/json" in response.json()["error"]


async def test_content_type_parameters_and_case_do_not_matter(service):
    response = await service.http.post(
        "/api/submit",
        content=json.dumps({"language": "python", "code": "1"}),
        headers={"content-type": "Application/JSON; charset=utf-8"},
    )
    assert response.status_code == 202


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
        b"POST /api/submit?wait=true HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        b"content-length: %d\r\n\r\n%s" % (len(body), body)
    )
    await until(lambda: gate.held == 1)
    writer.transport.abort()
    await asyncio.sleep(0.05)
    gate.open()
    submission_id = service.supervisor.jobs[0].id
    assert (await service.finished(submission_id))["verdict"] == "AC"


async def test_oversized_body_is_413_when_announced_and_when_chunked(service):
    announced = await service.http.post(
        "/api/submit", content=b"x" * 1_048_577, headers={"content-type": "application/json"}
    )
    assert announced.status_code == 413
    assert announced.json() == {"error": "request body too large: at most 1048576 bytes are allowed"}

    async def endless():
        for _ in range(3000):
            yield b"x" * 1024

    chunked = await service.http.post(
        "/api/submit", content=endless(), headers={"content-type": "application/json"}
    )
    assert chunked.status_code == 413
    assert chunked.json() == announced.json()


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


async def test_lost_supervisor_leaves_an_error_record_and_the_next_request_works(service):
    gate = Gate()
    service.supervisor.script = gate
    waiting = asyncio.create_task(service.submit())
    await until(lambda: gate.held == 1)
    await service.supervisor.die()
    response = await waiting

    assert response.status_code == 200
    record = response.json()
    assert list(record) == RECORD_KEYS
    assert (record["job_status"], record["verdict"], record["exit_code"]) == ("error", "IE", None)
    assert "supervisor" in record["error_message"]
    assert record["evidence"]["verdict_cause"] == VerdictCause.IE_SUPERVISOR_FAILURE
    assert record["evidence"]["controls_applied"] == []
    assert set(record["evidence"]["cgroup"].values()) == {None}
    assert record["cpu_time_secs"] is record["memory_peak_bytes"] is record["wall_time_secs"] is None
    assert (await service.http.get(f"/api/result/{record['id']}")).json() == record

    meanwhile = await service.submit()
    assert meanwhile.status_code == 503
    assert meanwhile.headers["retry-after"] == "1"
    assert await service.store.unfinished() == []

    gate.open()
    await service.supervisor.start()
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
