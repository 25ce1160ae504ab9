"""The outbox: which results are to be told to whom, and how each attempt went.

A row appears in the transaction that writes the result (``enter``), so neither is ever there
without the other.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, bindparam, insert, select, update

from cellblock.deliveries import DeliveryAttempt, DeliveryLog
from cellblock.model import DeliveryStatus, Record
from cellblock.store.database import Database
from cellblock.store.rows import RECORD_COLUMNS, record_of
from cellblock.store.schema import deliveries, delivery_attempts, submissions


class Due(Struct, frozen=True, kw_only=True):
    """A delivery that is to be attempted."""

    submission_id: str
    url: str
    output_bytes: int
    """What the program wrote, both streams together."""
    due_at_ns: int
    key_scope: str = ""
    """The API key that it belongs to, by its id; empty without one."""


class Delivery(Struct, frozen=True, kw_only=True):
    """All that an attempt needs."""

    record: Record
    url: str
    secret: str
    attempts: int
    """Made so far."""
    created_at_ns: int
    key_scope: str = ""
    """As above."""


_by_id = deliveries.c.submission_id == bindparam("wanted")
_insert = insert(deliveries)
_advance = update(deliveries).where(_by_id)
_insert_attempt = insert(delivery_attempts)
_select_url = select(submissions.c.webhook_url, submissions.c.key_scope).where(
    submissions.c.id == bindparam("wanted")
)
_forget_secret = (
    update(submissions).where(submissions.c.id == bindparam("wanted")).values(webhook_secret=None)
)
_joined = deliveries.join(submissions, submissions.c.id == deliveries.c.submission_id)
_select_due = (
    select(
        deliveries.c.submission_id,
        submissions.c.webhook_url,
        submissions.c.key_scope,
        deliveries.c.output_bytes,
        deliveries.c.due_at_ns,
    )
    .select_from(_joined)
    .where(deliveries.c.due_at_ns.is_not(None))
    .order_by(deliveries.c.due_at_ns)
)
_select_delivery = (
    select(
        *RECORD_COLUMNS,
        submissions.c.webhook_url,
        submissions.c.webhook_secret,
        submissions.c.key_scope,
        deliveries.c.attempts,
        deliveries.c.created_at_ns.label("entered_at_ns"),
    )
    .select_from(_joined)
    .where(_by_id, deliveries.c.due_at_ns.is_not(None))
)
_select_state = select(deliveries.c.status, deliveries.c.due_at_ns).where(_by_id)
_select_attempts = (
    select(delivery_attempts)
    .where(delivery_attempts.c.submission_id == bindparam("wanted"))
    .order_by(delivery_attempts.c.number)
)


def enter(connection: Connection, submission_id: str, *, output_bytes: int, at_ns: int) -> Due | None:
    """Enter a delivery that is due now, where the submission has a webhook; part of a transaction."""
    asked = connection.execute(_select_url, {"wanted": submission_id}).one_or_none()
    if asked is None or asked.webhook_url is None:
        return None
    values = {
        "submission_id": submission_id,
        "status": DeliveryStatus.PENDING.value,
        "attempts": 0,
        "output_bytes": output_bytes,
        "created_at_ns": at_ns,
        "due_at_ns": at_ns,
    }
    connection.execute(_insert, values)
    return Due(
        submission_id=submission_id,
        url=asked.webhook_url,
        output_bytes=output_bytes,
        due_at_ns=at_ns,
        key_scope=asked.key_scope,
    )


class Deliveries:
    """All deliveries. Failures of the driver come out as ``StoreError``."""

    def __init__(self, database: Database) -> None:
        """Keep them in ``database``, which is opened and closed elsewhere."""
        self._database = database

    async def due(self) -> list[Due]:
        """Return all that is still to be delivered, at whatever time, the earliest first."""

        def operation(connection: Connection) -> list[Due]:
            return [
                Due(
                    submission_id=row.submission_id,
                    url=row.webhook_url,
                    output_bytes=row.output_bytes,
                    due_at_ns=row.due_at_ns,
                    key_scope=row.key_scope,
                )
                for row in connection.execute(_select_due)
            ]

        return await self._database.read(operation)

    async def get(self, submission_id: str) -> Delivery | None:
        """Return what an attempt needs; ``None`` where nothing is to be delivered (any more)."""

        def operation(connection: Connection) -> Delivery | None:
            row = connection.execute(_select_delivery, {"wanted": submission_id}).one_or_none()
            if row is None:
                return None
            return Delivery(
                record=record_of(row),
                url=row.webhook_url,
                secret=row.webhook_secret,
                attempts=row.attempts,
                created_at_ns=row.entered_at_ns,
                key_scope=row.key_scope,
            )

        return await self._database.read(operation)

    def note(
        self, submission_id: str, attempt: DeliveryAttempt, status: DeliveryStatus, *, due_at_ns: int | None
    ) -> Awaitable[None]:
        """Keep how an attempt went and when the next one is due; without one the secret is forgotten."""
        values: dict[str, Any] = {
            "wanted": submission_id,
            "status": status.value,
            "attempts": attempt.number,
            "due_at_ns": due_at_ns,
        }

        def operation(connection: Connection) -> None:
            connection.execute(
                _insert_attempt,
                {
                    "submission_id": submission_id,
                    "number": attempt.number,
                    "started_at_ns": attempt.started_at_ns,
                    "duration_ns": attempt.duration_ns,
                    "status_code": attempt.status_code,
                    "error": attempt.error,
                },
            )
            connection.execute(_advance, values)
            if due_at_ns is None:
                connection.execute(_forget_secret, {"wanted": submission_id})

        return self._database.write(operation)

    async def log(self, submission_id: str) -> DeliveryLog:
        """Return what was tried so far; all of it is empty where there is no such submission."""

        def operation(connection: Connection) -> DeliveryLog:
            wanted = {"wanted": submission_id}
            url = connection.scalar(_select_url, wanted)
            state = connection.execute(_select_state, wanted).one_or_none()
            if state is None:
                status = DeliveryStatus.NONE if url is None else DeliveryStatus.WAITING
                return DeliveryLog(url=url, status=status, due_at_ns=None, attempts=())
            return DeliveryLog(
                url=url,
                status=DeliveryStatus(state.status),
                due_at_ns=state.due_at_ns,
                attempts=tuple(_attempt_of(row) for row in connection.execute(_select_attempts, wanted)),
            )

        return await self._database.read(operation)


def _attempt_of(row: Any) -> DeliveryAttempt:
    return DeliveryAttempt(
        number=row.number,
        started_at_ns=row.started_at_ns,
        duration_ns=row.duration_ns,
        status_code=row.status_code,
        error=row.error,
    )
