"""The table of submissions.

Revision ID: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table and its two partial indexes."""
    op.create_table(
        "submissions",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("profile", sa.Text, nullable=False),
        sa.Column("job_status", sa.Text, nullable=False),
        sa.Column("key_scope", sa.Text, nullable=False),
        sa.Column("idempotency_key", sa.Text),
        sa.Column("starts", sa.Integer, nullable=False),
        sa.Column("created_at_ns", sa.BigInteger, nullable=False),
        sa.Column("started_at_ns", sa.BigInteger),
        sa.Column("completed_at_ns", sa.BigInteger),
        sa.Column("verdict", sa.Text),
        sa.Column("exit_code", sa.Integer),
        sa.Column("signal", sa.Integer),
        sa.Column("output_integrity", sa.Text),
        sa.Column("error_message", sa.Text),
        sa.Column("wall_time_ns", sa.BigInteger),
        sa.Column("evidence", sa.LargeBinary),
        sa.Column("stdout", sa.LargeBinary),
        sa.Column("stderr", sa.LargeBinary),
        sa.Column("code", sa.LargeBinary),
        sa.Column("stdin", sa.LargeBinary),
    )
    has_key = sa.text("idempotency_key IS NOT NULL")
    op.create_index(
        "ix_submissions_idempotency",
        "submissions",
        ["key_scope", "idempotency_key"],
        unique=True,
        sqlite_where=has_key,
        postgresql_where=has_key,
    )
    unfinished = sa.text("completed_at_ns IS NULL")
    op.create_index(
        "ix_submissions_unfinished",
        "submissions",
        ["created_at_ns"],
        sqlite_where=unfinished,
        postgresql_where=unfinished,
    )


def downgrade() -> None:
    """Drop what ``upgrade`` created."""
    op.drop_table("submissions")
