"""Brings a database to the present schema, one numbered revision after another.

The revisions are read from ``versions/`` once, by ``scripts()``. The service calls it while it
may still read its own installation, and migrates later as the user who owns the data.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection

from cellblock.errors import StoreError


@functools.cache
def scripts() -> ScriptDirectory:
    """Return every revision, loaded."""
    here = Path(__file__).parent
    directory = ScriptDirectory(str(here), version_locations=[str(here / "versions")])
    for _ in directory.walk_revisions():  # loads the modules: the directory alone is lazy
        pass
    return directory


def upgrade(connection: Connection, to: str = "head") -> None:
    """Run the revisions that the database lacks; raises ``StoreError`` when it is newer than this code."""
    directory = scripts()

    def missing_steps(current: Any, _context: object) -> Any:
        return directory._upgrade_revs(to, current)  # noqa: SLF001  # what alembic's own command calls

    try:
        with EnvironmentContext(Config(), directory, fn=missing_steps) as environment:
            environment.configure(connection=connection)
            with environment.begin_transaction():
                environment.run_migrations()
    except CommandError as error:
        raise StoreError(
            f"the database was written by another version of cellblock ({error}); "
            "start the version that wrote it, or choose another CELLBLOCK_DATA_DIR"
        ) from error
