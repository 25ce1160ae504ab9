"""An index of what is complete, for deleting what is old.

Revision ID: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the index."""
    is_complete = sa.text("completed_at_ns IS NOT NULL")
    op.create_index(
        "ix_submissions_completed",
        "submissions",
        ["completed_at_ns"],
        sqlite_where=is_complete,
        postgresql_where=is_complete,
    )


def downgrade() -> None:
    """Drop the index."""
    op.drop_index("ix_submissions_completed", "submissions")
