"""The data directory for commands that work beside a service or without one.

As root they first become, for good, the user who owns the data: so whatever they make there belongs
to the service, SQLite's side files included, and a database that the service could have tampered
with is never opened with more rights than the service has.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cellblock.app import places, privileges
from cellblock.config import Settings
from cellblock.errors import ConfigError, HostError
from cellblock.store import Database, database_file, preload


@contextmanager
def opened_database(settings: Settings, *, create: bool) -> Iterator[Database]:
    """Open the database as the user who owns it; ``create`` makes what is missing.

    Raises ``ConfigError`` where there is none, ``HostError`` where we may not touch it. The process
    keeps no other rights.
    """
    user = places.service_user(settings)
    _refuse_someone_elses(settings.data_dir, user)
    if create:
        places.make_data_dir(settings, user)
    preload()
    os.umask(0o077)
    if user:
        privileges.drop_to(user)
    _require_database(settings.data_dir, create=create)
    database = Database(settings.data_dir)
    try:
        database.open()
        yield database
    finally:
        database.close()


def _refuse_someone_elses(directory: Path, user: pwd.struct_passwd | None) -> None:
    """Refuse data that belongs to somebody else, root and its service's user not excepted."""
    try:
        owner = directory.stat().st_uid
        if owner == (user.pw_uid if user else os.geteuid()) or (user and not any(directory.iterdir())):
            return
    except FileNotFoundError:
        return
    except OSError as error:
        raise HostError(f"data directory {directory}: {error.strerror}; {_ADVICE}") from error
    raise HostError(f"data directory {directory} belongs to {_name_of(owner)}; {_ADVICE}")


_ADVICE = "run this as root or as the user who runs the service, or choose another CELLBLOCK_DATA_DIR"


def _require_database(directory: Path, *, create: bool) -> None:
    file = database_file(directory)
    try:
        file.stat()
    except FileNotFoundError:
        if not create:
            raise ConfigError(
                f"CELLBLOCK_DATA_DIR: there is no database in {directory}: no service ran with it and no key "
                "was created; name the data directory of the service"
            ) from None
    except OSError as error:
        raise HostError(f"{file}: {error.strerror}; {_ADVICE}") from error
    else:
        if not os.access(file, os.R_OK | os.W_OK):
            raise HostError(f"{file} cannot be read and written; {_ADVICE}")


def _name_of(uid: int) -> str:
    try:
        return f"user {pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"uid {uid}"
