"""From a result in the store to a receiver, through failures, crowds and restarts."""

from __future__ import annotations

import asyncio
import time
import uuid
from contextlib import asynccontextmanager

import msgspec
import pytest
import standardwebhooks

from cellblock.errors import StoreError
from cellblock.model import DeliveryStatus, Profile
from cellblock.store import Database, Deliveries, NewSubmission, Store
from cellblock.store.schema import submissions
from cellblock.webhooks import Admission, Bounds, Deliverer
from cellblock.webhooks.schedule import LONGEST_PAUSE_NS
from cellblock.webhooks.sending import Timeouts
from doubles import eventually, make_outcome, until
from receivers import PUBLIC, LoopbackNetwork, endless, hang_up, never, receiving, status

pytestmark = pytest.mark.anyio

SECRET = "whsec_c2VjcmV0IG9mIGEgdGVzdA=="
DAY_MS = 86_400_000
PAUSE_NS = 20_000_000


class House:
    """A store, and a deliverer that is started when a test says so."""

    def __init__(self, database: Database) -> None:
        self.store = Store(database)
        self.database = database
        self.deliveries = Deliveries(database)
        self.network = LoopbackNetwork()
        self.encoded: set[str] = set()

    def encode(self, record):
        self.encoded.add(record.id)
        yield b'{"id": '
        yield msgspec.json.encode(record.id) + b', "stdout": '
        yield msgspec.json.encode(record.outcome.stdout.decode()) + b"}"

    @asynccontextmanager
    async def delivering(self, *, at_a_time=8, per_host=2, horizon_ms=DAY_MS, total_s=5.0, **changes):
        deliverer = Deliverer(
            **{
                "deliveries": self.deliveries,
                "admission": Admission(self.network.resolve, allow_localhost=True),
                "network": self.network.network,
                "encode": self.encode,
                "bounds": Bounds(
                    at_a_time=at_a_time,
                    at_a_time_per_host=per_host,
                    horizon_ms=horizon_ms,
                    timeouts=Timeouts(connect_s=total_s, total_s=total_s),
                ),
                "pause": lambda _: PAUSE_NS,
                **changes,
            }
        )
        await deliverer.start()
        self.store.on_due(deliverer.put)
        try:
            yield deliverer
        finally:
            await deliverer.stop()
            self.store.on_due(lambda _: None)

    async def result(self, url: str | None, *, stdout: bytes = b"4\n", completed_at_ns: int = 0) -> str:
        """Keep a submission and its result; returns its id."""
        new = NewSubmission(
            id=str(uuid.uuid4()),
            language="python",
            profile=Profile.JUDGE,
            code=b"1",
            stdin=b"",
            created_at_ns=1,
            webhook_url=url,
            webhook_secret=SECRET if url else None,
        )
        await self.store.insert(new)
        await self.store.finish(
            new.id,
            make_outcome(stdout=stdout),
            started_at_ns=2,
            completed_at_ns=completed_at_ns or time.time_ns(),
        )
        return new.id

    async def ended(self, submission_id: str, *, timeout_s: float = 10):
        """Return the log once nothing more is to be tried."""
        return await eventually(
            lambda: self.deliveries.log(submission_id),
            lambda log: log.status is not DeliveryStatus.PENDING,
            timeout_s=timeout_s,
        )

    async def secret(self, submission_id: str) -> str | None:
        wanted = submissions.select().where(submissions.c.id == submission_id)
        row = await self.database.read(lambda connection: connection.execute(wanted).one())
        return row.webhook_secret


@pytest.fixture
async def house(tmp_path):
    database = Database(tmp_path)
    database.open()
    yield House(database)
    database.close()


async def test_result_is_delivered_once_signed_so_that_both_readings_verify(house):
    async with receiving(status(200)) as receiver, house.delivering() as deliverer:
        submission_id = await house.result(receiver.url, stdout="ü".encode())
        log = await house.ended(submission_id)
        assert deliverer.waiting == 0
        assert deliverer._timer is None
    assert log.status is DeliveryStatus.DELIVERED
    assert [(attempt.number, attempt.status_code, attempt.error) for attempt in log.attempts] == [
        (1, 200, None)
    ]
    (call,) = receiver.calls
    assert call.body == f'{{"id": "{submission_id}", "stdout": "ü"}}'.encode()
    assert call.headers["webhook-id"] == submission_id
    assert call.headers["content-type"] == "application/json"
    for key in (SECRET, SECRET.encode()):
        standardwebhooks.Webhook(key).verify(call.body, call.headers)
    assert await house.secret(submission_id) is None


async def test_nothing_is_entered_without_a_webhook(house):
    submission_id = await house.result(None)
    assert await house.deliveries.due() == []
    log = await house.deliveries.log(submission_id)
    assert (log.status, log.url, log.attempts) == (DeliveryStatus.NONE, None, ())


async def test_second_result_of_a_submission_delivers_nothing_again(house):
    async with receiving(status(200)) as receiver, house.delivering():
        submission_id = await house.result(receiver.url)
        await house.ended(submission_id)
        await house.store.finish(submission_id, make_outcome(), started_at_ns=2, completed_at_ns=9)
        assert await house.deliveries.due() == []
    assert len(receiver.calls) == 1


async def test_server_errors_are_tried_again_under_the_same_id_until_one_succeeds(house):
    async with receiving(status(500), status(503), status(200)) as receiver, house.delivering():
        submission_id = await house.result(receiver.url)
        log = await house.ended(submission_id)
    assert log.status is DeliveryStatus.DELIVERED
    assert [(attempt.number, attempt.status_code, attempt.error) for attempt in log.attempts] == [
        (1, 500, "answered 500"),
        (2, 503, "answered 503"),
        (3, 200, None),
    ]
    assert {call.headers["webhook-id"] for call in receiver.calls} == {submission_id}
    for earlier, later in zip(log.attempts, log.attempts[1:], strict=False):
        assert later.started_at_ns - earlier.started_at_ns - earlier.duration_ns >= PAUSE_NS
    for call in receiver.calls:
        standardwebhooks.Webhook(SECRET).verify(call.body, call.headers)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (400, "answered 400"),
        (404, "answered 404"),
        (410, "answered 410"),
        (429, "answered 429"),
        (301, "answered 301, redirects are not followed"),
        (307, "answered 307, redirects are not followed"),
    ],
)
async def test_refusals_and_redirects_are_final_and_the_secret_is_forgotten(house, code, error):
    async with (
        receiving(status(200)) as other,
        receiving(status(code, f"location: {other.url}"), status(200)) as receiver,
        house.delivering(),
    ):
        submission_id = await house.result(receiver.url)
        log = await house.ended(submission_id)
        await asyncio.sleep(3 * PAUSE_NS / 1e9)
    assert log.status is DeliveryStatus.FAILED
    assert [(attempt.status_code, attempt.error) for attempt in log.attempts] == [(code, error)]
    assert (len(receiver.calls), other.connections) == (1, 0)
    assert await house.secret(submission_id) is None


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (never, "no answer within 0.3 s"),
        (hang_up, "the connection was closed without an answer"),
        (
            endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 256),
            "the answer's head is longer than 65536 bytes",
        ),
    ],
    ids=["never", "hang up", "endless"],
)
async def test_network_errors_are_tried_again(house, bad, error):
    async with receiving(bad, status(200)) as receiver, house.delivering(total_s=0.3):
        log = await house.ended(await house.result(receiver.url))
    assert [(attempt.status_code, attempt.error) for attempt in log.attempts] == [(None, error), (200, None)]


async def test_delivery_is_given_up_when_its_day_is_over(house):
    async with receiving(status(500)) as receiver:
        waiting = await house.result(receiver.url, completed_at_ns=time.time_ns() - 2_000_000_000)
        async with house.delivering(horizon_ms=1000):
            log = await house.ended(waiting)  # older than that: one attempt, and no other
    assert (log.status, log.due_at_ns) == (DeliveryStatus.FAILED, None)
    assert [attempt.status_code for attempt in log.attempts] == [500]
    assert await house.secret(waiting) is None


async def test_name_that_was_rebound_is_final_and_nothing_is_contacted(house):
    house.network.names["rebind.test"] = [["127.0.0.1"]]
    async with house.delivering():
        log = await house.ended(await house.result("https://rebind.test/"))
    assert log.status is DeliveryStatus.FAILED
    assert log.attempts[0].error == "webhook_url host 'rebind.test' resolves to blocked IP 127.0.0.1"
    assert house.network.connected == []


async def test_name_that_is_gone_is_tried_again(house):
    async with house.delivering():
        submission_id = await house.result("https://gone.test/")
        await until(lambda: len(house.network.lookups) >= 3)
        assert (await house.deliveries.log(submission_id)).status is DeliveryStatus.PENDING
        house.network.names["gone.test"] = [["10.0.0.1"]]
        log = await house.ended(submission_id)
    assert log.attempts[0].error == "webhook_url host 'gone.test' could not be resolved"
    assert log.attempts[-1].error == "webhook_url host 'gone.test' resolves to blocked IP 10.0.0.1"


async def test_silent_host_takes_its_share_and_others_are_served_meanwhile(house):
    async with receiving(never) as silent, receiving(status(200)) as good, house.delivering(per_host=2):
        for _ in range(12):
            await house.result(silent.url)
        await until(lambda: silent.open == 2)
        good_url = good.url.replace("127.0.0.1", "localhost")
        logs = [await house.ended(await house.result(good_url), timeout_s=1) for _ in range(3)]
        assert {log.status for log in logs} == {DeliveryStatus.DELIVERED}
        assert silent.most_open == 2
        assert len(house.encoded) == 2 + 3  # what waits is not in memory


async def test_no_more_than_the_bound_are_under_way(house):
    async with receiving(never) as silent, house.delivering(at_a_time=3, per_host=9):
        for _ in range(6):
            await house.result(silent.url)
        await until(lambda: silent.open == 3)
        await asyncio.sleep(0.05)
        assert (silent.most_open, len(house.encoded)) == (3, 3)


async def test_large_results_wait_for_each_other_and_for_nobody_else(house):
    async with receiving(never) as silent, receiving(status(200)) as good, house.delivering(per_host=9):
        for _ in range(5):
            await house.result(silent.url, stdout=b"x" * 300_000)
        await until(lambda: silent.open == 1)
        log = await house.ended(await house.result(good.url), timeout_s=1)
        assert log.status is DeliveryStatus.DELIVERED
        assert silent.most_open == 1


async def test_what_is_pending_at_the_end_is_taken_up_by_the_next_process(house):
    async with receiving(status(500), status(200)) as receiver:
        async with house.delivering(pause=lambda _: 60_000_000_000):
            submission_id = await house.result(receiver.url)
            await until(lambda: len(receiver.calls) == 1)
            await eventually(lambda: house.deliveries.log(submission_id), lambda log: bool(log.attempts))
        (due,) = await house.deliveries.due()
        assert due.submission_id == submission_id
        async with house.delivering() as deliverer:
            assert deliverer.waiting == 1  # not before its time
            assert deliverer._timer is not None
            assert len(receiver.calls) == 1


async def test_attempt_that_was_cut_off_is_made_again_after_the_restart(house):
    async with receiving(never, status(200)) as receiver:
        async with house.delivering():
            submission_id = await house.result(receiver.url)
            await until(lambda: receiver.open == 1)
        assert (await house.deliveries.log(submission_id)).attempts == ()
        async with house.delivering():
            log = await house.ended(submission_id)
    assert [(attempt.number, attempt.status_code) for attempt in log.attempts] == [(1, 200)]
    assert receiver.calls[0].headers["webhook-id"] == receiver.calls[1].headers["webhook-id"]


async def test_store_that_fails_once_does_not_repeat_the_attempt(house, monkeypatch):
    note, failures = house.deliveries.note, []

    async def failing_once(*args: object, **named: object):
        if not failures:
            failures.append(args)
            raise StoreError("disk full")
        return await note(*args, **named)

    monkeypatch.setattr(house.deliveries, "note", failing_once)
    async with receiving(status(200)) as receiver, house.delivering():
        log = await house.ended(await house.result(receiver.url))
    assert failures
    assert (log.status, len(receiver.calls)) == (DeliveryStatus.DELIVERED, 1)


async def test_fault_of_our_own_is_an_attempt_like_another(house):
    def encode(record):
        if not faults:
            faults.append(record)
            raise ZeroDivisionError
        yield b"{}"

    faults: list[object] = []
    async with receiving(status(200)) as receiver, house.delivering(encode=encode):
        log = await house.ended(await house.result(receiver.url))
    assert log.attempts[0].error == "internal error: the service's log says what happened"
    assert log.attempts[1].status_code == 200


async def test_outcomes_are_told_to_whoever_counts_them(house):
    seen: list[str] = []
    async with receiving(status(500), status(200), status(404)) as receiver, house.delivering() as deliverer:
        deliverer.observe = seen.append
        await house.ended(await house.result(receiver.url))
        await house.ended(await house.result(receiver.url))
        await until(lambda: len(seen) == 3)
    assert seen == ["retry", "delivered", "failed"]


async def test_a_webhook_to_a_public_name_goes_to_the_address_that_was_checked(house):
    house.network.names["hooks.test"] = [[PUBLIC]]
    async with receiving(status(200)) as receiver, house.delivering():
        house.network.port = receiver.port
        submission_id = await house.result("https://hooks.test/")
        await until(lambda: bool(house.network.connected))  # TLS then fails: the receiver has none
        log = await house.deliveries.log(submission_id)
    assert house.network.connected[0] == (PUBLIC, 443)
    assert log.status is DeliveryStatus.PENDING


async def test_clock_set_back_keeps_no_delivery_waiting(house, monkeypatch):
    year_ns = 365 * 86_400 * 1_000_000_000
    async with receiving(status(500), status(200)) as receiver, house.delivering():
        submission_id = await house.result(receiver.url)
        await eventually(lambda: house.deliveries.log(submission_id), lambda log: len(log.attempts) == 1)
        earlier_ns = time.time_ns() - year_ns
        monkeypatch.setattr("cellblock.webhooks.deliverer.time.time_ns", lambda: earlier_ns)
        log = await house.ended(submission_id)
    assert log.status is DeliveryStatus.DELIVERED


async def test_delivery_that_was_due_in_a_wrong_year_is_due_within_the_longest_pause(house):
    year_ns = 365 * 86_400 * 1_000_000_000
    await house.result("http://127.0.0.1:9/", completed_at_ns=time.time_ns() + year_ns)
    async with house.delivering() as deliverer:
        assert deliverer.waiting == 1
        wait_ns = deliverer._small.next_due_ns() - time.monotonic_ns()
        assert wait_ns <= LONGEST_PAUSE_NS
