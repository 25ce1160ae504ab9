"""The store: submissions in, records out. Every method that writes returns after the commit is on disk."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, bindparam, func, select, update

from cellblock.model import Job, JobStatus, Outcome, Profile, Record
from cellblock.store import deliveries
from cellblock.store.database import Database
from cellblock.store.deliveries import Due
from cellblock.store.insertion import Insertion
from cellblock.store.rows import JOB_COLUMNS, RECORD_COLUMNS, final_status, job_of, outcome_values, record_of
from cellblock.store.schema import submissions


class NewSubmission(Struct, frozen=True, kw_only=True):
    """A submission that was accepted and is to be kept."""

    id: str
    """UUID in its canonical form."""
    language: str
    profile: Profile
    code: bytes
    stdin: bytes
    created_at_ns: int
    key_scope: str = ""
    """The API key that it belongs to, by its id; empty without one."""
    idempotency_key: str | None = None
    webhook_url: str | None = None
    """Who is told of the result."""
    webhook_secret: str | None = None
    """What the message is signed with."""

    def record(self) -> Record:
        """Return the record as it stands before anything ran."""
        return Record(
            id=self.id,
            language=self.language,
            job_status=JobStatus.PENDING,
            profile=self.profile,
            created_at_ns=self.created_at_ns,
        )

    def job(self) -> Job:
        """Return what the supervisor is to run."""
        return job_of(self.id, self.language, self.profile, self.code, self.stdin, self.key_scope)


class Unfinished(Struct, frozen=True, kw_only=True):
    """A submission that has no result yet, as found at start-up."""

    record: Record
    starts: int
    """How often it was handed to a supervisor before."""
    key_scope: str = ""
    """The API key that it belongs to, by its id; empty without one."""


_insertion = Insertion(submissions, (*NewSubmission.__struct_fields__, "job_status", "starts"))
_by_id = submissions.c.id == bindparam("wanted")
_not_final = submissions.c.completed_at_ns.is_(None)
_mark_running = (
    update(submissions)
    .where(_by_id, _not_final)
    .values(
        job_status=JobStatus.RUNNING.value,
        started_at_ns=bindparam("at_ns"),
        starts=submissions.c.starts + 1,
    )
)
_finish = update(submissions).where(_by_id, _not_final)  # what is set follows from the values' names
_select_record = select(*RECORD_COLUMNS).where(_by_id)
_select_own_record = _select_record.where(submissions.c.key_scope == bindparam("scope"))
_select_output_bytes = select(
    func.coalesce(func.length(submissions.c.stdout), 0) + func.coalesce(func.length(submissions.c.stderr), 0)
).where(_by_id, submissions.c.key_scope == bindparam("scope"))
_select_job = select(*JOB_COLUMNS).where(_by_id)
_select_unfinished = (
    select(*RECORD_COLUMNS, submissions.c.starts, submissions.c.key_scope)
    .where(_not_final)
    .order_by(submissions.c.created_at_ns)
)
_select_by_key = select(submissions.c.id).where(
    submissions.c.key_scope == bindparam("scope"), submissions.c.idempotency_key == bindparam("wanted_key")
)


class Store:
    """All submissions. Failures of the driver come out as ``StoreError``."""

    def __init__(self, database: Database) -> None:
        """Keep them in ``database``, which is opened and closed elsewhere."""
        self._database = database
        self._on_due: Callable[[Due], None] = lambda _: None

    def on_due(self, callback: Callable[[Due], None]) -> None:
        """Call ``callback``, on the event loop's thread, after a result was kept that is to be delivered."""
        self._on_due = callback

    def insert(self, new: NewSubmission) -> asyncio.Future[str]:
        """Keep a submission; the answer is its id, or that of the first one with its idempotency key."""
        row = (*msgspec.structs.astuple(new), JobStatus.PENDING, 0)
        size_bytes = len(new.code) + len(new.stdin)
        if new.idempotency_key is None:
            return self._database.insert(_insertion, row, new.id, size_bytes=size_bytes)

        def operation(connection: Connection) -> str:
            wanted = {"scope": new.key_scope, "wanted_key": new.idempotency_key}
            first = connection.scalar(_select_by_key, wanted)
            if first is not None:
                return str(first)
            _insertion.execute(connection, [row])
            return new.id

        return self._database.write(operation, size_bytes=size_bytes)

    def mark_running(self, submission_id: str, started_at_ns: int) -> Awaitable[None]:
        """Note that the job was handed to a supervisor, and count that start.

        The write is queued at the call, before anything that is called later; awaiting it is
        only needed to learn whether it failed.
        """

        def operation(connection: Connection) -> None:
            connection.execute(_mark_running, {"wanted": submission_id, "at_ns": started_at_ns})

        return self._database.write(operation)

    def finish(
        self, submission_id: str, outcome: Outcome, *, started_at_ns: int | None, completed_at_ns: int
    ) -> Awaitable[Due | None]:
        """Keep the result, with its delivery where there is a webhook, and drop the inputs.

        A result that is already there is never replaced.

        Verdict IE makes it an ``error``, every other verdict ``completed``. The answer is the delivery.
        """
        values = {
            "wanted": submission_id,
            "job_status": final_status(outcome).value,
            "started_at_ns": started_at_ns,
            "completed_at_ns": completed_at_ns,
            "code": None,
            "stdin": None,
            **outcome_values(outcome),
        }

        def operation(connection: Connection) -> Due | None:
            if connection.execute(_finish, values).rowcount == 0:
                return None
            return deliveries.enter(
                connection, submission_id, output_bytes=outcome.output_bytes, at_ns=completed_at_ns
            )

        kept = self._database.write(operation, size_bytes=outcome.output_bytes)
        kept.add_done_callback(self._tell_due)
        return kept

    def will_keep(self, outcome: Outcome) -> bool:
        """Say whether ``finish`` can be expected to succeed."""
        return self._database.is_promising(outcome.output_bytes)

    async def get(self, submission_id: str, key_scope: str | None = None) -> Record | None:
        """Return the record; ``None`` where there is no such submission or it is not of ``key_scope``."""

        def operation(connection: Connection) -> Record | None:
            if key_scope is None:
                found = connection.execute(_select_record, {"wanted": submission_id})
            else:
                found = connection.execute(_select_own_record, {"wanted": submission_id, "scope": key_scope})
            row = found.one_or_none()
            return None if row is None else record_of(row)

        return await self._database.read(operation)

    async def find(self, submission_id: str, key_scope: str, longest_bytes: int) -> Record | int | None:
        """Return a record of ``key_scope`` whose outputs are short, or how many bytes they are.

        ``None`` where there is no such submission. What is longer than ``longest_bytes`` is not read.
        """

        def operation(connection: Connection) -> Record | int | None:
            wanted = {"wanted": submission_id, "scope": key_scope}
            output_bytes: int | None = connection.scalar(_select_output_bytes, wanted)
            if output_bytes is None or output_bytes > longest_bytes:
                return output_bytes
            return record_of(connection.execute(_select_own_record, wanted).one())

        return await self._database.read(operation)

    async def job(self, submission_id: str) -> Job | None:
        """Return what is to be run; ``None`` once there is a result, or without such a submission."""

        def operation(connection: Connection) -> Job | None:
            row = connection.execute(_select_job, {"wanted": submission_id}).one_or_none()
            if row is None or row.code is None:
                return None
            return job_of(row.id, row.language, Profile(row.profile), row.code, row.stdin, row.key_scope)

        return await self._database.read(operation)

    async def find_idempotent(self, key_scope: str, idempotency_key: str) -> str | None:
        """Return the id of the submission that came first with this key."""

        def operation(connection: Connection) -> str | None:
            parameters = {"scope": key_scope, "wanted_key": idempotency_key}
            return connection.scalar(_select_by_key, parameters)

        return await self._database.read(operation)

    async def unfinished(self) -> list[Unfinished]:
        """Return every submission without a result, oldest first."""

        def operation(connection: Connection) -> list[Unfinished]:
            rows = connection.execute(_select_unfinished)
            return [
                Unfinished(record=record_of(row), starts=row.starts, key_scope=row.key_scope) for row in rows
            ]

        return await self._database.read(operation)

    def _tell_due(self, kept: asyncio.Future[Due | None]) -> None:
        if not kept.cancelled() and kept.exception() is None and (due := kept.result()) is not None:
            self._on_due(due)
