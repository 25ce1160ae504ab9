"""From outbox rows to requests, until each is delivered or given up.

Nothing here polls: one timer is set to the next due attempt, and a new result or the end of an
attempt sets it anew. What is due stands in the store first, so a process that is killed loses
nothing; at worst the last attempt is made again, under the same ``webhook-id``.

Results with much output take a lane of their own, where few are in memory at a time and none of
them holds up a small one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TypeVar

import structlog
from msgspec import Struct

from cellblock import __version__
from cellblock.deliveries import DeliveryAttempt
from cellblock.errors import StoreError
from cellblock.events import StoreFailed
from cellblock.model import DeliveryStatus, Record
from cellblock.store import Deliveries, Delivery, Due
from cellblock.webhooks.admission import Admission, BlockedError
from cellblock.webhooks.network import Network
from cellblock.webhooks.schedule import LONGEST_PAUSE_NS, Lane, pause_ns
from cellblock.webhooks.sending import Sender, SendError, Timeouts
from cellblock.webhooks.signing import Signer
from cellblock.webhooks.target import TargetError, parse

T = TypeVar("T")
Encode = Callable[[Record], Iterable[bytes]]
"""A record as it is sent, in pieces; the same ones each time."""

_NS_PER_S = 1_000_000_000
_LARGE_OUTPUT_BYTES = 256 * 1024
_LARGE_AT_A_TIME = 2
_STORE_RETRY_S = 1.0
_LAST_ATTEMPTS_S = 1.0
"""For attempts that are under way when everything else has ended."""
_OK, _REDIRECT, _SERVER_ERROR = 200, 300, 500

_log = structlog.get_logger(__name__)


class Bounds(Struct, frozen=True, kw_only=True):
    """How much is delivered at a time, and for how long it is tried."""

    at_a_time: int
    at_a_time_per_host: int
    horizon_ms: int
    """A delivery whose next attempt would come later than this after the result is given up."""
    timeouts: Timeouts = Timeouts()


class Deliverer:
    """Delivers what is due, from ``start`` to ``stop``."""

    def __init__(
        self,
        *,
        deliveries: Deliveries,
        admission: Admission,
        network: Network,
        encode: Encode,
        bounds: Bounds,
        pause: Callable[[int], int] = pause_ns,
    ) -> None:
        """Put it together; ``pause`` says in ns how long to wait after so many failed attempts."""
        self._deliveries = deliveries
        self._sender = Sender(admission, network, bounds.timeouts)
        self._encode = encode
        self._horizon_ns = bounds.horizon_ms * 1_000_000
        self._pause = pause
        per_host = bounds.at_a_time_per_host
        self._small = Lane(at_a_time=bounds.at_a_time, at_a_time_per_host=per_host)
        self._large = Lane(at_a_time=_LARGE_AT_A_TIME, at_a_time_per_host=1)
        self._running: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._stopping = False
        self.observe: Callable[[str], None] = lambda _: None
        """Called with the outcome of each attempt: ``delivered``, ``retry`` or ``failed``."""
        self.on_store_failed: Callable[[StoreFailed], None] = lambda _: None
        """Called each time that the store could not be read or written for an attempt."""

    @property
    def waiting(self) -> int:
        """How many deliveries wait for their time or their turn."""
        return self._small.waiting + self._large.waiting

    async def start(self) -> None:
        """Take up what an earlier process left."""
        for due in await self._deliveries.due():
            self._put(due)
        self._pump()

    def put(self, due: Due) -> None:
        """Deliver this as well; it stands in the store already."""
        self._put(due)
        self._pump()

    async def stop(self) -> None:
        """Begin no attempt more; those that do not end at once are made again after the next start."""
        self._stopping = True
        if self._timer is not None:
            self._timer.cancel()
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=_LAST_ATTEMPTS_S)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)

    def _put(self, due: Due) -> None:
        lane = self._large if due.output_bytes > _LARGE_OUTPUT_BYTES else self._small
        lane.put(_by_our_clock(due.due_at_ns), _host_of(due.url), due.submission_id, due.key_scope)

    def _pump(self) -> None:
        """Begin what is due and may begin, then set the timer to what is due next."""
        if self._stopping:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now_ns = time.monotonic_ns()
        next_dues_ns = []
        for lane in (self._small, self._large):
            while (taken := lane.take(now_ns)) is not None:
                self._begin(lane, *taken)
            if (next_due_ns := lane.next_due_ns()) is not None:
                next_dues_ns.append(next_due_ns)
        if next_dues_ns:
            pause_s = (min(next_dues_ns) - now_ns) / _NS_PER_S
            self._timer = asyncio.get_running_loop().call_later(pause_s, self._pump)

    def _begin(self, lane: Lane, host: str, submission_id: str) -> None:
        task = asyncio.create_task(self._deliver(lane, host, submission_id), name=f"webhook-{submission_id}")
        self._running.add(task)

        def ended(task: asyncio.Task[None]) -> None:
            self._running.discard(task)
            lane.release(host)
            if not task.cancelled() and (error := task.exception()) is not None:
                _log.error("webhook_delivery_broke", submission=submission_id, exc_info=error)
            self._pump()

        task.add_done_callback(ended)

    async def _deliver(self, lane: Lane, host: str, submission_id: str) -> None:
        """Make one attempt, keep how it went, and have it wait for the next one where there is one."""
        delivery = await self._persistently(lambda: self._deliveries.get(submission_id))
        if delivery is None:
            return
        attempt, status = await self._attempt(delivery)
        due_at_ns = None
        if status is DeliveryStatus.PENDING:
            ended_ns = attempt.started_at_ns + attempt.duration_ns
            due_at_ns = ended_ns + self._pause(attempt.number)
            if due_at_ns > delivery.created_at_ns + self._horizon_ns:
                status, due_at_ns = DeliveryStatus.FAILED, None
        await self._persistently(
            lambda: self._deliveries.note(submission_id, attempt, status, due_at_ns=due_at_ns)
        )
        outcome = "retry" if status is DeliveryStatus.PENDING else status.value
        _log.info(
            "webhook_attempt",
            submission=submission_id,
            host=host,
            attempt=attempt.number,
            outcome=outcome,
            status=attempt.status_code,
            error=attempt.error,
            duration_ms=attempt.duration_ns // 1_000_000,
        )
        self.observe(outcome)
        if due_at_ns is not None:
            lane.put(_by_our_clock(due_at_ns), host, submission_id, delivery.key_scope)

    async def _attempt(self, delivery: Delivery) -> tuple[DeliveryAttempt, DeliveryStatus]:
        started_at_ns, started_ns = time.time_ns(), time.monotonic_ns()
        status_code: int | None = None
        problem: str | None
        try:
            headers, length_bytes = await self._sign(delivery, started_at_ns // _NS_PER_S)
            body = self._encode(delivery.record)
            status_code = await self._sender.post(
                delivery.url, headers, body, length_bytes, scope=delivery.key_scope
            )
        except BlockedError as error:
            status, problem = DeliveryStatus.FAILED, str(error)
        except SendError as error:
            status, problem = DeliveryStatus.PENDING, str(error)
        except Exception as error:  # noqa: BLE001  # a fault of ours ends neither this delivery nor others
            _log.error("webhook_attempt_broke", submission=delivery.record.id, exc_info=error)
            status, problem = DeliveryStatus.PENDING, "internal error: the service's log says what happened"
        else:
            status, problem = _judge(status_code)
        attempt = DeliveryAttempt(
            number=delivery.attempts + 1,
            started_at_ns=started_at_ns,
            duration_ns=time.monotonic_ns() - started_ns,
            status_code=status_code,
            error=problem,
        )
        return attempt, status

    async def _sign(self, delivery: Delivery, timestamp_s: int) -> tuple[Sequence[tuple[str, str]], int]:
        """Return the headers and how long the body is.

        It is encoded here and once more while it is sent, to the same bytes: it is never whole in memory.
        """
        message_id = delivery.record.id
        signer = Signer(delivery.secret, message_id, timestamp_s)
        length_bytes = 0
        for piece in self._encode(delivery.record):
            signer.update(piece)
            length_bytes += len(piece)
            await asyncio.sleep(0)  # others have their turn while a large record is encoded
        headers = [
            ("content-type", "application/json"),
            ("user-agent", f"cellblock/{__version__}"),
            ("webhook-id", message_id),
            ("webhook-timestamp", str(timestamp_s)),
            ("webhook-signature", signer.header()),
        ]
        return headers, length_bytes

    async def _persistently(self, access: Callable[[], Awaitable[T]]) -> T:
        """Access the store, however long it takes to come back: no attempt is made twice for that."""
        while True:
            try:
                return await access()
            except StoreError as error:
                self.on_store_failed(StoreFailed(reason=error.reason, message=str(error)))
                await asyncio.sleep(_STORE_RETRY_S)


def _judge(status_code: int) -> tuple[DeliveryStatus, str | None]:
    """Return what an answer means: only a receiver's own failure may be another time's success."""
    if _OK <= status_code < _REDIRECT:
        return DeliveryStatus.DELIVERED, None
    if status_code >= _SERVER_ERROR:
        return DeliveryStatus.PENDING, f"answered {status_code}"
    note = ", redirects are not followed" if status_code < 400 else ""  # noqa: PLR2004  # what 3xx means
    return DeliveryStatus.FAILED, f"answered {status_code}{note}"


def _by_our_clock(due_at_ns: int) -> int:
    """Return when that is on the clock that nobody sets; no attempt is further off than the longest pause."""
    return time.monotonic_ns() + min(due_at_ns - time.time_ns(), LONGEST_PAUSE_NS)


def _host_of(url: str) -> str:
    """Return what deliveries are counted by; a URL that is none any more fails at its attempt."""
    try:
        return parse(url).host
    except TargetError:
        return ""
