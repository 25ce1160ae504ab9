"""What ``cellblock keys`` does in the database; apart from its commands because SQLAlchemy loads slowly."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cellblock.app.apart import in_own_process
from cellblock.app.data import opened_database
from cellblock.config import Settings
from cellblock.errors import ConfigError, HostError, StoreError
from cellblock.model import Profile
from cellblock.store import ApiKey, Keys, KeysError, NewKey

T = TypeVar("T")
_WIDTH_OF_A_FILE = 200
_NS_PER_S = 1_000_000_000


def create(
    settings: Settings,
    *,
    name: str,
    profiles: tuple[Profile, ...],
    per_minute: int | None,
    per_day: int | None,
    concurrency: int | None,
) -> tuple[ApiKey, str]:
    """Make a key; returns it and its token."""
    new = NewKey(
        name=name, profiles=profiles, per_minute=per_minute, per_day=per_day, concurrency=concurrency
    )
    return _with_keys(
        settings, tuple[ApiKey, str], lambda keys: keys.create(new, time.time_ns()), create=True
    )


def all_keys(settings: Settings) -> list[ApiKey]:
    """Return every key, oldest first."""
    return _with_keys(settings, list[ApiKey], lambda keys: keys.all())


def revoke(settings: Settings, name_or_id: str) -> tuple[ApiKey, int]:
    """Revoke a key; returns it and how many valid ones are left."""

    async def revoke_and_count(keys: Keys) -> tuple[ApiKey, int]:
        key = await keys.revoke(name_or_id, time.time_ns())
        return key, sum(other.revoked_at_ns is None for other in await keys.all())

    return _with_keys(settings, tuple[ApiKey, int], revoke_and_count)


def forget(settings: Settings) -> int:
    """Drop revoked keys; returns how many."""
    return _with_keys(settings, int, lambda keys: keys.forget_revoked())


def show(keys: Sequence[ApiKey], *, is_terminal: bool) -> None:
    """Print a table."""
    table = Table(box=None, header_style="bold")
    for column in (
        "id", "name", "token", "profiles", "per minute", "per day", "at once", "created", "state"
    ):  # fmt: skip
        table.add_column(column, overflow="fold")
    for key in keys:
        revoked = key.revoked_at_ns
        table.add_row(
            Text(key.id),
            Text(key.name),
            Text(f"{key.token_prefix}..."),
            Text(", ".join(key.profiles)),
            *(Text("-" if limit is None else str(limit)) for limit in _limits(key)),
            Text(_date(key.created_at_ns)),
            Text("valid", "green") if revoked is None else Text(f"revoked {_date(revoked)}", "red"),
        )
    Console(highlight=False, width=None if is_terminal else _WIDTH_OF_A_FILE).print(table)


def _limits(key: ApiKey) -> tuple[int | None, ...]:
    return (key.per_minute, key.per_day, key.concurrency)


def _date(at_ns: int) -> str:
    return datetime.fromtimestamp(at_ns / _NS_PER_S, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _with_keys(
    settings: Settings, result: type[T], operation: Callable[[Keys], Awaitable[T]], *, create: bool = False
) -> T:
    """Have ``operation`` done by a process that becomes the data's owner; what it returns is a ``result``.

    This one stays what it is: the service's user may not even be able to read our installation.
    """

    async def operate() -> T:
        with opened_database(settings, create=create) as database:
            return await operation(Keys(database))

    try:
        return in_own_process(
            lambda: asyncio.run(operate()), result, KeysError, ConfigError, HostError, StoreError
        )
    except KeysError as error:
        raise click.ClickException(str(error)) from error
