"""Records whose time is over: what was submitted, what came of it, what was told to whom."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, delete, select

from cellblock.store.database import Database
from cellblock.store.schema import deliveries, delivery_attempts, submissions

_awaits_delivery = (
    select(deliveries.c.submission_id)
    .where(deliveries.c.submission_id == submissions.c.id, deliveries.c.due_at_ns.is_not(None))
    .exists()
)
_select_old = (
    select(submissions.c.id)
    .where(submissions.c.completed_at_ns < bindparam("before_ns"), ~_awaits_delivery)
    .order_by(submissions.c.completed_at_ns)
    .limit(bindparam("most"))
)
_delete = [
    delete(table).where(column == bindparam("wanted"))
    for table, column in (
        (delivery_attempts, delivery_attempts.c.submission_id),
        (deliveries, deliveries.c.submission_id),
        (submissions, submissions.c.id),
    )
]


class OldRecords:
    """Deletes them; what has no result yet, or is still to be delivered, stays."""

    def __init__(self, database: Database) -> None:
        """Delete from ``database``."""
        self._database = database

    async def delete(self, before_ns: int, most: int) -> int:
        """Delete at most ``most`` that were completed before ``before_ns``, the oldest first.

        Returns how many there were: fewer than ``most`` mean that no more are left.
        """

        def operation(connection: Connection) -> int:
            old = connection.scalars(_select_old, {"before_ns": before_ns, "most": most}).all()
            if old:
                for statement in _delete:
                    connection.execute(statement, [{"wanted": submission_id} for submission_id in old])
            return len(old)

        return await self._database.write(operation)
