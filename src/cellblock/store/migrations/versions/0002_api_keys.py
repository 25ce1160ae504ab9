"""The table of API keys.

Revision ID: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table and its two unique indexes."""
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("token_hash", sa.LargeBinary, nullable=False),
        sa.Column("token_prefix", sa.Text, nullable=False),
        sa.Column("profiles", sa.Text, nullable=False),
        sa.Column("per_minute", sa.Integer),
        sa.Column("per_day", sa.Integer),
        sa.Column("concurrency", sa.Integer),
        sa.Column("created_at_ns", sa.BigInteger, nullable=False),
        sa.Column("revoked_at_ns", sa.BigInteger),
        sa.Column("day_used", sa.Integer, nullable=False),
        sa.Column("day_resets_at_s", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_api_keys_token", "api_keys", ["token_hash"], unique=True)
    valid = sa.text("revoked_at_ns IS NULL")
    op.create_index(
        "ix_api_keys_name", "api_keys", ["name"], unique=True, sqlite_where=valid, postgresql_where=valid
    )


def downgrade() -> None:
    """Drop what ``upgrade`` created."""
    op.drop_table("api_keys")
