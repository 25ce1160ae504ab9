"""The tables as the code of today sees them; ``migrations/`` says how they came about.

Times are nanoseconds since the epoch, UTC. A row of ``submissions`` is one submission: what the
program wrote is kept as the bytes that it wrote; ``evidence`` is the JSON of ``model.Evidence``.
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
    # The API key that it belongs to, by its id; empty where the service knew none.
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
    # Who is told of the result. The secret is needed in clear, and cleared when nothing more is sent.
    Column("webhook_url", Text),
    Column("webhook_secret", Text),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("submission_id", Text, primary_key=True),
    Column("status", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    # Bytes of the result's two streams: how much memory the delivery is going to take.
    Column("output_bytes", BigInteger, nullable=False),
    Column("created_at_ns", BigInteger, nullable=False),
    # When the next attempt is to be made; null when there will be none.
    Column("due_at_ns", BigInteger),
)

delivery_attempts = Table(
    "delivery_attempts",
    metadata,
    Column("submission_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("started_at_ns", BigInteger, nullable=False),
    Column("duration_ns", BigInteger, nullable=False),
    Column("status_code", Integer),
    Column("error", Text),
)

_is_due = deliveries.c.due_at_ns.is_not(None)
Index("ix_deliveries_due", deliveries.c.due_at_ns, sqlite_where=_is_due, postgresql_where=_is_due)

_has_key = submissions.c.idempotency_key.is_not(None)
Index(
    "ix_submissions_idempotency",
    submissions.c.key_scope,
    submissions.c.idempotency_key,
    unique=True,
    sqlite_where=_has_key,
    postgresql_where=_has_key,
)

_complete = submissions.c.completed_at_ns.is_not(None)
Index(
    "ix_submissions_completed",
    submissions.c.completed_at_ns,
    sqlite_where=_complete,
    postgresql_where=_complete,
)

_unfinished = submissions.c.completed_at_ns.is_(None)
Index(
    "ix_submissions_unfinished",
    submissions.c.created_at_ns,
    sqlite_where=_unfinished,
    postgresql_where=_unfinished,
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    # SHA-256 of the token, which is random enough that nothing slower is needed.
    Column("token_hash", LargeBinary, nullable=False),
    # The token's first characters, for people to recognise it by.
    Column("token_prefix", Text, nullable=False),
    # Comma-separated, the default first.
    Column("profiles", Text, nullable=False),
    Column("per_minute", Integer),
    Column("per_day", Integer),
    Column("concurrency", Integer),
    Column("created_at_ns", BigInteger, nullable=False),
    Column("revoked_at_ns", BigInteger),
    # Requests in the present window of a day, so that a restart does not give them back.
    Column("day_used", Integer, nullable=False),
    Column("day_resets_at_s", BigInteger, nullable=False),
)
Index("ix_api_keys_token", api_keys.c.token_hash, unique=True)

_valid = api_keys.c.revoked_at_ns.is_(None)
Index("ix_api_keys_name", api_keys.c.name, unique=True, sqlite_where=_valid, postgresql_where=_valid)
