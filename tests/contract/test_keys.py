"""API keys over HTTP: who is let in, whose records are whose, what is used up."""

from __future__ import annotations

import asyncio
import time
import uuid

import httpx
import pytest

from cellblock import config
from cellblock.app import service as service_process
from cellblock.errors import ConfigError
from cellblock.model import Profile
from cellblock.store import NewKey
from doubles import Gate, answer_executed, make_outcome, make_status, until
from running import running, settings_for

pytestmark = pytest.mark.anyio

READS = [
    "/api/languages",
    f"/api/result/{uuid.uuid4()}",
    "/api/result/nonsense",
    f"/api/result/{uuid.uuid4()}/deliveries",
    "/v1/runtimes",
    "/api/v2/runtimes",
]
RUNS = ["/api/submit", "/v1/execute", "/api/v2/execute"]
OPEN = ["/api/health", "/api/health/ready"]
NO_KEY = {"error": "invalid or missing API key"}


async def make_key(instance, name="one", *profiles, **limits):
    issued = profiles or (Profile.JUDGE, Profile.EXECUTOR)
    return await instance.keys.create(NewKey(name=name, profiles=issued, **limits), time.time_ns())


async def token_for(instance, name="one", *profiles, **limits) -> dict[str, str]:
    return {"x-api-key": (await make_key(instance, name, *profiles, **limits))[1]}


async def submit(instance, headers, *, wait=True, more_headers=None, **fields):
    body = {"language": "python", "code": "print(2 + 2)", **fields}
    params = {"wait": str(wait).lower()}
    return await instance.http.post(
        "/api/submit", params=params, json=body, headers=headers | (more_headers or {})
    )


async def ask(instance, route, headers=None):
    if route in RUNS:
        return await instance.http.post(route, json={"language": "python"}, headers=headers)
    return await instance.http.get(route, headers=headers)


async def test_without_keys_any_key_that_is_sent_is_ignored(service):
    assert (await submit(service, {"x-api-key": "anything"})).status_code == 200
    assert (
        await submit(service, {"authorization": "Bearer anything"}, profile="executor")
    ).status_code == 200


@pytest.mark.parametrize("route", READS + RUNS)
async def test_first_key_closes_every_route_but_health_from_the_next_request_on(service, route):
    assert (await ask(service, route)).status_code != 401
    _, token = await make_key(service)
    for headers in ({}, {"x-api-key": "wrong"}, {"authorization": "Basic " + token}, {"x-api-key": ""}):
        answer = await ask(service, route, headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert "invalid or missing API key" in answer.text
    for route_that_is_open in OPEN:
        assert (await service.http.get(route_that_is_open)).status_code == 200
    for headers in (
        {"x-api-key": token},
        {"authorization": f"Bearer {token}"},
        {"authorization": f"bearer  {token}"},
    ):
        assert (await ask(service, route, headers)).status_code != 401


async def test_wrong_and_missing_keys_are_answered_alike(service):
    _, token = await make_key(service)
    answers = [
        (answer.status_code, answer.content, [name for name, _ in answer.headers.raw])
        for headers in ({}, {"x-api-key": token[:-1] + "!"}, {"x-api-key": "cb_live_" + "0" * 40})
        for answer in [await submit(service, headers)]
    ]
    assert answers[0] == answers[1] == answers[2]


async def test_revoked_key_is_refused_from_the_next_request_on_and_the_service_stays_closed(service):
    headers = await token_for(service)
    assert (await submit(service, headers)).status_code == 200
    await service.keys.revoke("one", time.time_ns())
    assert (await submit(service, headers)).json() == NO_KEY
    assert (await submit(service, {})).json() == NO_KEY
    await service.keys.forget_revoked()
    assert (await submit(service, {})).status_code == 200


async def test_records_of_one_key_are_invisible_to_another(service):
    before = (await submit(service, {})).json()["id"]
    one, two = await token_for(service, "one"), await token_for(service, "two")
    mine = (await submit(service, one)).json()["id"]
    for path in (f"/api/result/{mine}", f"/api/result/{mine}/deliveries"):
        assert (await service.http.get(path, headers=one)).status_code == 200
    unknown = await service.http.get(f"/api/result/{uuid.uuid4()}", headers=two)
    for foreign in (mine, before):
        for path in (f"/api/result/{foreign}", f"/api/result/{foreign}/deliveries"):
            answer = await service.http.get(path, headers=two)
            assert (answer.status_code, answer.content) == (404, unknown.content)


async def test_whatever_a_key_sends_reaches_the_supervisor_under_that_keys_id(service):
    async def tenants(headers):
        service.supervisor.jobs.clear()
        long_code = "x" * 40_000  # more than waits in memory: it is read back from the store
        assert (await submit(service, headers)).status_code == 200
        assert (await submit(service, headers, code=long_code)).status_code == 200
        service.supervisor.script = answer_executed
        body = {"language": "python", "version": "*", "files": [{"content": "1"}]}
        for route in ("/v1/execute", "/api/v2/execute"):
            assert (await service.http.post(route, json=body, headers=headers)).status_code == 200
        return [job.tenant for job in service.supervisor.jobs]

    assert await tenants({}) == [""] * 4
    one, token_of_one = await make_key(service, "one")
    two, token_of_two = await make_key(service, "two")
    assert one.id != two.id
    assert await tenants({"x-api-key": token_of_one}) == [one.id] * 4
    assert await tenants({"x-api-key": token_of_two}) == [two.id] * 4


async def test_idempotency_keys_of_one_key_are_unknown_to_another(service):
    one, two = await token_for(service, "one"), await token_for(service, "two")
    idempotency = {"idempotency-key": str(uuid.uuid4())}
    first = await submit(service, one, more_headers=idempotency)
    again = await submit(service, one, more_headers=idempotency)
    other = await submit(service, two, more_headers=idempotency)
    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
    assert other.status_code == 200
    assert other.json()["id"] != first.json()["id"]


async def test_profile_is_the_keys_first_unless_another_of_its_own_is_named(service):
    headers = await token_for(service, "one", Profile.EXECUTOR, Profile.JUDGE)
    await submit(service, headers)
    await submit(service, headers, profile="judge")
    assert [job.profile for job in service.supervisor.jobs] == [Profile.EXECUTOR, Profile.JUDGE]


async def test_profile_that_the_key_was_not_issued_for_is_refused_by_name(service):
    headers = await token_for(service, "one", Profile.JUDGE)
    answer = await submit(service, headers, profile="executor")
    assert answer.status_code == 403
    assert answer.json() == {
        "error": "this API key was not issued for profile executor; it was issued for: judge"
    }
    assert service.supervisor.jobs == []


@pytest.mark.parametrize("route", ["/v1/execute", "/api/v2/execute"])
async def test_execute_api_needs_a_key_for_the_profile_that_it_runs_under(tmp_path, route):
    async with running(tmp_path, script=answer_executed) as instance:
        judge = await token_for(instance, "judge", Profile.JUDGE)
        executor = await token_for(instance, "executor", Profile.EXECUTOR)
        body = {"language": "python", "version": "*", "files": [{"content": "1"}]}
        assert (await instance.http.post(route, json=body, headers=judge)).status_code == 403
        assert (await instance.http.post(route, json=body, headers=executor)).status_code == 200


async def test_quota_used_up_is_429_with_retry_after_and_the_numbers(service):
    headers = await token_for(service, per_minute=2)
    for _ in range(2):
        assert (await submit(service, headers)).status_code == 200
    refused = await submit(service, headers)
    assert (refused.status_code, refused.json()) == (429, {"error": "API key quota exceeded"})
    retry_after_s, reset_s = int(refused.headers["retry-after"]), int(refused.headers["x-ratelimit-reset"])
    assert 50 <= retry_after_s <= 60
    assert abs(reset_s - time.time() - retry_after_s) < 3
    assert (refused.headers["x-ratelimit-limit"], refused.headers["x-ratelimit-remaining"]) == ("2", "0")
    assert (await service.http.get("/api/languages", headers=headers)).status_code == 200
    other = await token_for(service, "two", per_minute=2)
    assert (await submit(service, other)).status_code == 200


async def test_all_dialects_draw_on_the_same_quota(tmp_path):
    async with running(tmp_path, script=answer_executed) as instance:
        headers = await token_for(instance, per_minute=3)
        body = {"language": "python", "version": "*", "files": [{"content": "1"}]}
        for route in ("/v1/execute", "/api/v2/execute"):
            assert (await instance.http.post(route, json=body, headers=headers)).status_code == 200
        assert (await submit(instance, headers)).status_code == 200
        shown = (await instance.http.post("/v1/execute", json=body, headers=headers)).json()["error"]
        assert (shown["code"], shown["message"]) == ("rate_limited", "API key quota exceeded")
        piston = await instance.http.post("/api/v2/execute", json=body, headers=headers)
        assert (piston.status_code, piston.json()) == (429, {"message": "API key quota exceeded"})


async def test_count_of_the_day_survives_a_restart(tmp_path):
    async with running(tmp_path) as instance:
        headers = await token_for(instance, per_day=3)
        for _ in range(2):
            assert (await submit(instance, headers)).status_code == 200
    async with running(tmp_path) as instance:
        assert (await submit(instance, headers)).status_code == 200
        refused = await submit(instance, headers)
        assert refused.status_code == 429
        assert 86_000 < int(refused.headers["retry-after"]) <= 86_401  # kept in whole seconds


async def test_key_runs_no_more_at_a_time_than_it_may_and_others_are_not_held_up(tmp_path):
    gate = Gate()
    async with running(tmp_path, script=gate, changes={"CELLBLOCK_WORKER_SLOTS": "2"}) as instance:
        capped, other = await token_for(instance, "one", concurrency=1), await token_for(instance, "two")
        for _ in range(3):
            assert (await submit(instance, capped, wait=False)).status_code == 202
        await until(lambda: len(instance.supervisor.jobs) == 1)
        theirs = (await submit(instance, other, wait=False)).json()["id"]
        await until(lambda: len(instance.supervisor.jobs) == 2)
        assert instance.supervisor.jobs[1].id == theirs
        await instance.queued(2)
        gate.open()
        await until(lambda: len(instance.supervisor.jobs) == 4)


class Counting:
    """A script that holds what comes until it is opened, and says how many of a key's ran at a time then."""

    def __init__(self) -> None:
        self.gate = Gate()
        self.under_way: set[str] = set()
        self.seen: list[frozenset[str]] = []

    async def __call__(self, job):
        self.under_way.add(job.id)
        self.seen.append(frozenset(self.under_way))
        try:
            await self.gate(job)
            await asyncio.sleep(0.01)
        finally:
            self.under_way.discard(job.id)
        return make_outcome()

    def most_of(self, submissions: list[str]) -> int:
        return max(len(seen & set(submissions)) for seen in self.seen)


async def test_jobs_of_a_forgotten_key_run_no_more_at_a_time_and_after_a_restart_one(tmp_path):
    script, slots = Counting(), make_status(slots=4)
    changes = {"CELLBLOCK_DRAIN_TIMEOUT_MS": "0"}
    async with running(tmp_path, script=script, status=slots, changes=changes) as instance:
        capped, other = await token_for(instance, "capped", concurrency=2), await token_for(instance, "other")
        for _ in range(4):  # so that the queue has not asked about the capped key when it is forgotten
            assert (await submit(instance, other, wait=False)).status_code == 202
        await until(lambda: script.gate.held == 4)
        mine = [(await submit(instance, capped, wait=False)).json()["id"] for _ in range(6)]
        await instance.keys.revoke("capped", time.time_ns())
        assert await instance.keys.forget_revoked() == 1
        script.gate.open()
        await until(lambda: len(script.seen) == 10 and not script.under_way)
        assert script.most_of(mine) == 2
        script.gate = Gate()
        left = await token_for(instance, "left", concurrency=3)
        theirs = [(await submit(instance, left, wait=False)).json()["id"] for _ in range(6)]
        await instance.keys.revoke("left", time.time_ns())
        await instance.keys.forget_revoked()
    again = Counting()
    again.gate.open()
    async with running(tmp_path, script=again, status=slots) as instance:
        await until(lambda: len(again.seen) == 6 and not again.under_way)
        assert {seen for ids in again.seen for seen in ids} == set(theirs)
        assert again.most_of(theirs) == 1


async def test_flood_of_one_key_delays_anothers_job_by_a_few_runs_only(tmp_path):
    gate = Gate()
    async with running(tmp_path, script=gate, changes={"CELLBLOCK_QUEUE_CAPACITY": "100"}) as instance:
        flooding, quiet = await token_for(instance, "flood"), await token_for(instance, "quiet")
        codes = [(await submit(instance, flooding, wait=False)).status_code for _ in range(110)]
        assert codes[-1] == 503
        waiting = asyncio.create_task(submit(instance, quiet))
        await until(lambda: waiting.done() or len(instance.supervisor.jobs) > 0)
        accepted = codes.count(202)
        await instance.queued(accepted - len(instance.supervisor.jobs) + 1)
        gate.open()
        answer = await waiting
        assert answer.status_code == 200
        started = [job.id for job in instance.supervisor.jobs]
        assert started.index(answer.json()["id"]) < 6


async def test_submissions_found_at_the_start_keep_their_key_and_its_turn(tmp_path):
    closed = Gate()
    async with running(tmp_path, script=closed, changes={"CELLBLOCK_DRAIN_TIMEOUT_MS": "0"}) as instance:
        one, two = await token_for(instance, "one", concurrency=1), await token_for(instance, "two")
        mine = [(await submit(instance, one, wait=False)).json()["id"] for _ in range(4)]
        theirs = (await submit(instance, two, wait=False)).json()["id"]
    held = Gate()  # until all are found: what is found first would have ended before the last is
    async with running(tmp_path, script=held) as instance:
        await until(lambda: len(instance.supervisor.jobs) >= 2)
        held.open()
        for headers, ids in ((one, mine), (two, [theirs])):
            for submission_id in ids:
                path = f"/api/result/{submission_id}"
                assert (await instance.http.get(path, headers=headers)).status_code == 200
        await until(lambda: len(instance.supervisor.jobs) >= 5)
        order = [job.id for job in instance.supervisor.jobs]
        assert order.index(theirs) < order.index(mine[2])


@pytest.mark.parametrize("route", [*READS, *RUNS])
async def test_foreign_host_name_is_refused_as_long_as_there_is_no_key(service, route):
    foreign = {"host": "rebound.example"}
    answer = await ask(service, route, foreign)
    assert answer.status_code == 403
    assert "'rebound.example' is not this machine" in answer.text
    assert (await service.http.get("/api/health", headers=foreign)).status_code == 200
    headers = await token_for(service)
    assert (await ask(service, route, foreign | headers)).status_code != 403


@pytest.mark.parametrize("host", ["localhost:4096", "127.0.0.1", "[::1]:4096"])
async def test_names_of_this_machine_are_served_without_a_key(service, host):
    assert (await submit(service, {"host": host})).status_code == 200


async def test_public_address_is_refused_while_there_are_no_keys(tmp_path):
    settings = settings_for(tmp_path, {"CELLBLOCK_HOST": "192.0.2.1"})
    parts = service_process.assemble(settings)
    listener = service_process.listening_socket("127.0.0.1", 0)
    with listener, pytest.raises(ConfigError, match=r"there are no keys.*192\.0\.2\.1.*keys create"):
        await service_process.serve(
            settings, parts, listener, stop=asyncio.Event(), on_started=lambda: pytest.fail("it answers")
        )


async def test_public_service_is_never_open_even_when_its_last_key_is_forgotten(tmp_path):
    async with running(tmp_path) as instance:
        headers = await token_for(instance)
    # The listener is the test's own, on loopback; the service takes itself to be on a public address.
    async with running(tmp_path, changes={"CELLBLOCK_HOST": "192.0.2.1"}) as instance:
        assert (await submit(instance, headers)).status_code == 200
        await instance.keys.revoke("one", time.time_ns())
        assert (await submit(instance, headers)).json() == NO_KEY
        await instance.keys.forget_revoked()
        assert not instance.keys.exist()
        for given in ({}, headers):
            assert (await submit(instance, given)).json() == NO_KEY


async def test_address_limit_is_off_unless_set(service):
    for _ in range(50):
        assert (await service.http.get("/api/languages")).status_code == 200


async def test_address_limit_counts_the_peer_unless_its_proxy_is_trusted(tmp_path):
    forwarded = [{"x-forwarded-for": f"198.51.100.{number}"} for number in range(3)]
    for trusted, expected in (("", [200, 200, 429]), ("127.0.0.0/8", [200, 200, 200])):
        changes = {"CELLBLOCK_ADDRESS_PER_MINUTE": "3", "CELLBLOCK_TRUSTED_PROXIES": trusted}
        directory = tmp_path / str(len(trusted))
        directory.mkdir()
        async with running(directory, changes=changes) as instance:
            await instance.http.get("/api/languages")
            codes = [(await submit(instance, headers)).status_code for headers in forwarded]
            assert codes == expected
            assert (await instance.http.get("/api/health")).status_code == 200


async def test_no_key_is_ever_logged(tmp_path, own_log):
    async with running(tmp_path, changes={"CELLBLOCK_LOG_LEVEL": "debug"}) as instance:
        key, token = await make_key(instance)
        await submit(instance, {"x-api-key": token})
        await submit(instance, {"x-api-key": token + "x"})
    assert "service_stopped" in own_log()
    assert key.token_prefix[8:] not in own_log()


def test_settings_that_are_no_networks_say_what_to_write():
    with pytest.raises(ConfigError, match=r"TRUSTED_PROXIES.*10\.0\.0\.7,fd00::/8"):
        config.load({}, {"CELLBLOCK_TRUSTED_PROXIES": "10.0.0.1/8"})


async def test_store_that_cannot_be_read_lets_nobody_in(service, monkeypatch):
    monkeypatch.setattr(service.keys._database, "_peeking", None)
    for headers in ({}, {"x-api-key": "x"}):
        answer: httpx.Response = await submit(service, headers)
        assert answer.status_code == 503
        assert "store cannot be reached" in answer.json()["error"]
