"""API keys: made, listed, revoked by the command line; looked up by the service with every request.

A token is ``cb_live_`` and 40 random letters and digits (238 bits). Only its SHA-256 is kept. Nothing
is cached: the table is asked each time, so whatever another process committed holds for the next
request.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import string
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql import ClauseElement

from cellblock.errors import CellblockError, StoreError
from cellblock.model import Profile
from cellblock.store.database import Database
from cellblock.store.key_use import KeyUse
from cellblock.store.schema import api_keys

ID_PREFIX = "key_"
_TOKEN_PREFIX = "cb_live_"  # noqa: S105  # what every token begins with is no secret
_ALPHABET = string.ascii_letters + string.digits
_RANDOM_CHARACTERS = 40
_SHOWN_CHARACTERS = len(_TOKEN_PREFIX) + 6
_ID_BYTES = 8


class KeysError(CellblockError):
    """What was asked cannot be done with the keys that there are; the message says why."""


class NewKey(Struct, frozen=True, kw_only=True):
    """What a key is to be."""

    name: str
    profiles: tuple[Profile, ...]
    """At least one; the first holds where a request names none."""
    per_minute: int | None = None
    """Requests for runs; ``None`` is without limit, here and below."""
    per_day: int | None = None
    concurrency: int | None = None
    """Programs that run at the same time."""


class ApiKey(Struct, frozen=True, kw_only=True):
    """A key as it is kept: everything but the token."""

    id: str
    name: str
    token_hash: bytes
    token_prefix: str
    """The token's first characters."""
    profiles: tuple[Profile, ...]
    per_minute: int | None
    per_day: int | None
    concurrency: int | None
    created_at_ns: int
    revoked_at_ns: int | None
    day_used: int
    """Requests for runs since the last window of a day began; what is newer may not be written yet."""
    day_resets_at_s: int
    """When that window ends, in seconds since the epoch."""


_columns = [getattr(api_keys.c, name) for name in ApiKey.__struct_fields__]
_valid = api_keys.c.revoked_at_ns.is_(None)


def _sql(statement: ClauseElement) -> str:
    return str(statement.compile(dialect=sqlite.dialect()))


_FIND = _sql(select(*_columns).where(api_keys.c.token_hash == b"", _valid))
_ANY = _sql(select(api_keys.c.id)) + " LIMIT 1"
_CONCURRENCY = _sql(select(api_keys.c.concurrency).where(api_keys.c.id == ""))


class Keys:
    """All keys, revoked ones included. Failures of the driver come out as ``StoreError``."""

    def __init__(self, database: Database) -> None:
        """Keep them in ``database``, which is opened and closed elsewhere."""
        self._database = database
        self._concurrency: dict[str, int | None] = {}
        self.use = KeyUse(database)

    def find(self, token: str) -> ApiKey | None:
        """Return the key whose token this is, unless it is revoked.

        A wrong token and an unknown one take the same way, and its time tells nothing: what is
        looked up is a hash, and hashes are compared in constant time.
        """
        digest = _digest(token)
        row = self._database.peek(_FIND, (digest,))
        key = None if row is None else _key_of(row)
        if key is None or not hmac.compare_digest(digest, key.token_hash):
            return None
        self._concurrency[key.id] = key.concurrency  # holds for what it submits, even if the key is forgotten
        return key

    def exist(self) -> bool:
        """Say whether there is any key; revoked ones count, so that revoking never opens a service."""
        return self._database.peek(_ANY) is not None

    def concurrency_of(self, key_id: str) -> int | None:
        """Return how many programs of a key may run at the same time; it never changes.

        While the store does not answer, that is one; so it is for what a key left behind that was forgotten
        before this process began. Without a key there is no limit.
        """
        if not key_id:
            return None
        if key_id not in self._concurrency:
            try:
                row = self._database.peek(_CONCURRENCY, (key_id,))
            except StoreError:
                return 1
            self._concurrency[key_id] = 1 if row is None else row[0]
        return self._concurrency[key_id]

    async def create(self, new: NewKey, created_at_ns: int) -> tuple[ApiKey, str]:
        """Keep a new key; returns it and its token, which is not kept.

        Raises ``KeysError`` where a valid key has the name.
        """
        token = _TOKEN_PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM_CHARACTERS))
        key = ApiKey(
            id=ID_PREFIX + secrets.token_hex(_ID_BYTES),
            name=new.name,
            token_hash=_digest(token),
            token_prefix=token[:_SHOWN_CHARACTERS],
            profiles=new.profiles,
            per_minute=new.per_minute,
            per_day=new.per_day,
            concurrency=new.concurrency,
            created_at_ns=created_at_ns,
            revoked_at_ns=None,
            day_used=0,
            day_resets_at_s=0,
        )
        values = {name: getattr(key, name) for name in ApiKey.__struct_fields__}
        values["profiles"] = ",".join(key.profiles)

        def operation(connection: Connection) -> None:
            taken = connection.scalar(select(api_keys.c.id).where(api_keys.c.name == new.name, _valid))
            if taken is not None:
                raise KeysError(
                    f"the name {new.name!r} is taken by {taken}: choose another, or revoke that key first"
                )
            connection.execute(insert(api_keys).values(values))

        await self._database.write(operation)
        return key, token

    async def all(self) -> list[ApiKey]:
        """Return every key, oldest first."""

        def operation(connection: Connection) -> list[ApiKey]:
            rows = connection.execute(select(*_columns).order_by(api_keys.c.created_at_ns))
            return [_key_of(tuple(row)) for row in rows]

        return await self._database.read(operation)

    async def revoke(self, name_or_id: str, revoked_at_ns: int) -> ApiKey:
        """Make a key worthless from now on and for ever; raises ``KeysError`` where there is no such key."""

        def operation(connection: Connection) -> ApiKey:
            named = (api_keys.c.id == name_or_id) | (api_keys.c.name == name_or_id)
            rows = connection.execute(select(*_columns).where(named).order_by(api_keys.c.created_at_ns)).all()
            keys = [_key_of(tuple(row)) for row in rows]
            valid = [key for key in keys if key.revoked_at_ns is None]
            if not valid:
                found = "was revoked already" if keys else "does not exist"
                raise KeysError(f"the key {name_or_id!r} {found}; `cellblock keys list` shows all")
            (key,) = valid
            connection.execute(
                update(api_keys).where(api_keys.c.id == key.id).values(revoked_at_ns=revoked_at_ns)
            )
            return key

        return await self._database.write(operation)

    async def forget_revoked(self) -> int:
        """Drop what is kept of revoked keys; returns how many there were.

        With no key left at all, a service on a loopback address answers without one again.
        """

        def operation(connection: Connection) -> int:
            return connection.execute(delete(api_keys).where(~_valid)).rowcount

        return await self._database.write(operation)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def _key_of(row: tuple[Any, ...]) -> ApiKey:
    values = dict(zip(ApiKey.__struct_fields__, row, strict=True))
    values["profiles"] = tuple(Profile(name) for name in values["profiles"].split(","))
    return ApiKey(**values)
