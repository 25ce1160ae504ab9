"""Webhooks: who is told of a result, what is still to be delivered, and how each attempt went.

Revision ID: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns, the two tables and the index of what is due."""
    op.add_column("submissions", sa.Column("webhook_url", sa.Text))
    op.add_column("submissions", sa.Column("webhook_secret", sa.Text))
    op.create_table(
        "deliveries",
        sa.Column("submission_id", sa.Text, primary_key=True),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("output_bytes", sa.BigInteger, nullable=False),
        sa.Column("created_at_ns", sa.BigInteger, nullable=False),
        sa.Column("due_at_ns", sa.BigInteger),
    )
    op.create_table(
        "delivery_attempts",
        sa.Column("submission_id", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("started_at_ns", sa.BigInteger, nullable=False),
        sa.Column("duration_ns", sa.BigInteger, nullable=False),
        sa.Column("status_code", sa.Integer),
        sa.Column("error", sa.Text),
    )
    is_due = sa.text("due_at_ns IS NOT NULL")
    op.create_index(
        "ix_deliveries_due", "deliveries", ["due_at_ns"], sqlite_where=is_due, postgresql_where=is_due
    )


def downgrade() -> None:
    """Drop what ``upgrade`` added."""
    op.drop_table("delivery_attempts")
    op.drop_table("deliveries")
    op.drop_column("submissions", "webhook_secret")
    op.drop_column("submissions", "webhook_url")
