"""The tables as the code of today sees them; ``migrations/`` says how they came about.

One row is one submission. Times are nanoseconds since the epoch, UTC; what the program wrote
is kept as the bytes that it wrote; ``evidence`` is the JSON of ``model.Evidence``.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, Table, Text

metadata = MetaData()

submissions = Table(
    "submissions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("language", Text, nullable=False),
    Column("profile", Text, nullable=False),
    Column("job_status", Text, nullable=False),
    # Whose idempotency keys these are; empty while the service knows no API keys.
    Column("key_scope", Text, nullable=False),
    Column("idempotency_key", Text),
    # How often the job was handed to a supervisor: a job that takes the machine down is not run for ever.
    Column("starts", Integer, nullable=False),
    Column("created_at_ns", BigInteger, nullable=False),
    Column("started_at_ns", BigInteger),
    Column("completed_at_ns", BigInteger),
    Column("verdict", Text),
    Column("exit_code", Integer),
    Column("signal", Integer),
    Column("output_integrity", Text),
    Column("error_message", Text),
    Column("wall_time_ns", BigInteger),
    Column("evidence", LargeBinary),
    Column("stdout", LargeBinary),
    Column("stderr", LargeBinary),
    # What a start needs; cleared with the result, since nothing reads it after that.
    Column("code", LargeBinary),
    Column("stdin", LargeBinary),
)

_has_key = submissions.c.idempotency_key.is_not(None)
Index(
    "ix_submissions_idempotency",
    submissions.c.key_scope,
    submissions.c.idempotency_key,
    unique=True,
    sqlite_where=_has_key,
    postgresql_where=_has_key,
)

_unfinished = submissions.c.completed_at_ns.is_(None)
Index(
    "ix_submissions_unfinished",
    submissions.c.created_at_ns,
    sqlite_where=_unfinished,
    postgresql_where=_unfinished,
)
