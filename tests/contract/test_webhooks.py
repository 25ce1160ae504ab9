"""Webhooks as a client of the judge API meets them."""

from __future__ import annotations

import asyncio
import socket
import threading
import uuid

import pytest
import standardwebhooks

from cellblock.model import Profile, Verdict
from cellblock.store import NewKey
from cellblock.webhooks.network import Lookups
from doubles import CannotServeError, Gate, eventually, make_outcome, until
from receivers import PUBLIC, LoopbackNetwork, receiving, status
from running import running

pytestmark = pytest.mark.anyio

SECRET = "whsec_c2VjcmV0IG9mIGEgdGVzdA=="
DEVELOPMENT = {"CELLBLOCK_ALLOW_LOCALHOST_WEBHOOKS": "true"}


@pytest.fixture
async def developing(tmp_path):
    """A service that delivers to loopback."""
    async with running(tmp_path, changes=DEVELOPMENT, network=LoopbackNetwork().network) as instance:
        yield instance


async def log_of(service, submission_id: str) -> dict[str, object]:
    response = await service.http.get(f"/api/result/{submission_id}/deliveries")
    assert response.status_code == 200
    return response.json()


async def delivered(service, submission_id: str) -> dict[str, object]:
    final = {"none", "delivered", "failed"}
    return await eventually(
        lambda: log_of(service, submission_id), lambda log: log["delivery_status"] in final
    )


@pytest.mark.parametrize("wait", [True, False], ids=["sync", "async"])
async def test_record_is_posted_as_it_is_answered_and_signed(developing, wait):
    async with receiving(status(200)) as receiver:
        answer = await developing.submit(wait=wait, webhook_url=receiver.url, webhook_secret=SECRET)
        submission_id = answer.json()["id"]
        log = await delivered(developing, submission_id)
        (call,) = receiver.calls
    assert call.line == "POST /hook?of=test HTTP/1.1"
    assert call.body == (await developing.http.get(f"/api/result/{submission_id}")).content
    assert call.headers["webhook-id"] == submission_id
    for reading in (SECRET, SECRET.encode()):
        verified = standardwebhooks.Webhook(reading).verify(call.body, call.headers)
        assert (verified["id"], verified["verdict"]) == (submission_id, "AC")

    assert list(log) == ["id", "webhook_url", "delivery_status", "next_attempt_at", "attempts"]
    assert (log["id"], log["webhook_url"]) == (submission_id, receiver.url)
    assert (log["delivery_status"], log["next_attempt_at"]) == ("delivered", None)
    (attempt,) = log["attempts"]
    assert list(attempt) == ["number", "started_at", "duration_ms", "status_code", "error"]
    assert (attempt["number"], attempt["status_code"], attempt["error"]) == (1, 200, None)
    assert attempt["started_at"].endswith("+00:00")
    assert SECRET not in str(log)


async def test_error_is_told_as_well(developing):
    async def fail(_job):
        raise CannotServeError("the cell could not be made")

    developing.supervisor.script = fail
    async with receiving(status(200)) as receiver:
        await developing.submit(webhook_url=receiver.url, webhook_secret="plain")
        await until(lambda: bool(receiver.calls))
    record = standardwebhooks.Webhook(b"plain").verify(receiver.calls[0].body, receiver.calls[0].headers)
    assert (record["job_status"], record["verdict"]) == ("error", Verdict.IE)


async def test_large_record_arrives_byte_for_byte(developing):
    async def flood(_job):
        return make_outcome(stdout=b"\x00\xff" * 1_000_000)

    developing.supervisor.script = flood
    async with receiving(status(200)) as receiver:
        answer = await developing.submit(webhook_url=receiver.url, webhook_secret="plain")
        log = await delivered(developing, answer.json()["id"])
    assert log["delivery_status"] == "delivered"
    assert receiver.calls[0].body == answer.content
    standardwebhooks.Webhook(b"plain").verify(
        receiver.calls[0].body, receiver.calls[0].headers, json_parse=False
    )


async def test_log_says_none_waiting_and_pending(developing):
    gate = Gate()
    developing.supervisor.script = gate
    without = (await developing.submit(wait=False, webhook_secret="unused")).json()["id"]
    assert await log_of(developing, without) == {
        "id": without,
        "webhook_url": None,
        "delivery_status": "none",
        "next_attempt_at": None,
        "attempts": [],
    }
    async with receiving(status(500)) as receiver:
        answer = await developing.submit(wait=False, webhook_url=receiver.url, webhook_secret="plain")
        submission_id = answer.json()["id"]
        assert (await log_of(developing, submission_id))["delivery_status"] == "waiting"
        gate.open()
        await developing.finished(submission_id)
        log = await eventually(lambda: log_of(developing, submission_id), lambda log: bool(log["attempts"]))
    assert log["delivery_status"] == "pending"
    assert log["next_attempt_at"] > log["attempts"][0]["started_at"]
    assert log["attempts"][0]["error"] == "answered 500"


async def test_failed_attempt_is_made_again_a_second_later(developing):
    async with receiving(status(503), status(200)) as receiver:
        answer = await developing.submit(webhook_url=receiver.url, webhook_secret="plain")
        log = await delivered(developing, answer.json()["id"])
    assert [attempt["status_code"] for attempt in log["attempts"]] == [503, 200]
    first, second = (float(call.headers["webhook-timestamp"]) for call in receiver.calls)
    assert 1 <= second - first <= 3


@pytest.mark.parametrize(("submission_id", "code"), [("x", 400), (str(uuid.uuid4()), 404)])
async def test_log_of_what_does_not_exist_is_refused_as_its_record_is(developing, submission_id, code):
    record = await developing.http.get(f"/api/result/{submission_id}")
    log = await developing.http.get(f"/api/result/{submission_id}/deliveries")
    assert log.status_code == record.status_code == code
    assert log.json() == record.json()


async def test_loopback_is_refused_without_the_development_setting(service):
    answer = await service.submit(webhook_url="http://127.0.0.1:1/", webhook_secret="s")
    assert answer.status_code == 400
    assert answer.json() == {
        "error": "webhook_url must use HTTPS (set CELLBLOCK_ALLOW_LOCALHOST_WEBHOOKS=true for dev mode)"
    }
    answer = await service.submit(webhook_url="https://127.0.0.1:1/", webhook_secret="s")
    assert answer.json() == {"error": "webhook_url cannot target private/loopback IPs"}
    assert service.supervisor.jobs == []


async def test_webhook_is_checked_after_sizes_and_before_the_language(service):
    async def text(**fields: object) -> str:
        response = await service.submit(**{"language": "no", "webhook_url": "nonsense", **fields})
        assert response.status_code == 400
        assert list(response.json()) == ["error"]
        return response.json()["error"]

    assert "stdin exceeds" in await text(stdin="x" * 262_145)
    assert await text() == "webhook_secret is required when webhook_url is provided"
    assert await text(webhook_secret=None) == "webhook_secret is required when webhook_url is provided"
    assert await text(webhook_secret="x" * 257) == "webhook_secret must be 256 bytes or less"
    assert await text(webhook_secret="s") == "invalid webhook URL"
    assert "unsupported language" in await text(webhook_secret="x" * 300, webhook_url=None)


async def test_replay_delivers_nothing_and_keeps_the_first_receiver(developing):
    headers = {"idempotency-key": str(uuid.uuid4())}
    async with receiving(status(200)) as first, receiving(status(200)) as second:
        for receiver in (first, second):
            body = {
                "language": "python", "code": "1", "webhook_url": receiver.url, "webhook_secret": "s",
            }  # fmt: skip
            answer = await developing.http.post("/api/submit", json=body, headers=headers)
            assert answer.status_code == 202
            await delivered(developing, answer.json()["id"])
        assert (len(first.calls), second.connections) == (1, 0)


async def test_name_that_is_rebound_after_the_submission_is_not_contacted(tmp_path):
    network = LoopbackNetwork()
    network.names["rebind.test"] = [[PUBLIC], ["127.0.0.1"]]
    async with running(tmp_path, changes=DEVELOPMENT, network=network.network) as service:
        answer = await service.submit(webhook_url="https://rebind.test/", webhook_secret="s")
        assert answer.status_code == 200
        log = await delivered(service, answer.json()["id"])
    assert log["delivery_status"] == "failed"
    assert [attempt["error"] for attempt in log["attempts"]] == [
        "webhook_url host 'rebind.test' resolves to blocked IP 127.0.0.1"
    ]
    assert network.connected == []


async def test_slow_resolver_holds_up_nobody_else(tmp_path):
    async def hang(_name: str, _scope: str):
        await asyncio.sleep(60)

    network = LoopbackNetwork()
    slow = type(network.network)(resolve=hang, connect=network.connect, tls=network.network.tls)
    async with running(tmp_path, network=slow) as service:
        waiting = asyncio.create_task(service.submit(webhook_url="https://slow.test/", webhook_secret="s"))
        await asyncio.sleep(0.05)
        assert (await service.submit()).status_code == 200
        assert not waiting.done()
        refused = await waiting
        assert refused.status_code == 400
        assert refused.json() == {"error": "webhook_url host 'slow.test' could not be resolved"}


async def test_key_whose_receivers_names_hang_has_nobody_elses_webhook_refused(tmp_path):
    release = threading.Event()

    def getaddrinfo(name: str, *_: object, **__: object):
        if name == "slow.test":
            release.wait(20)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (PUBLIC, 0))]

    network = LoopbackNetwork()
    real = type(network.network)(
        resolve=Lookups(getaddrinfo, 64), connect=network.connect, tls=network.network.tls
    )
    async with running(tmp_path, network=real) as service:
        tokens = [
            (await service.keys.create(NewKey(name=name, profiles=(Profile.JUDGE,)), 1))[1]
            for name in ("flooding", "other")
        ]

        async def submit(token: str, host: str) -> int:
            body = {
                "language": "python",
                "code": "1",
                "webhook_url": f"https://{host}/",
                "webhook_secret": "s",
            }
            answer = await service.http.post("/api/submit", json=body, headers={"x-api-key": token})
            return answer.status_code

        flood = [asyncio.create_task(submit(tokens[0], "slow.test")) for _ in range(64)]
        await until(lambda: sum(task.done() for task in flood) == 32)
        assert {task.result() for task in flood if task.done()} == {503}
        assert await submit(tokens[1], "fast.test") == 202
        release.set()
        assert (await asyncio.gather(*flood)).count(503) == 32
