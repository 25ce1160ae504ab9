"""Who may ask: every route but health begins with a ``Gate``.

Its checks come in the documented order: requests of the address, the API key, the key's quota. While
the store has never had a key, whoever is on this machine may do everything.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from msgspec import Struct

from cellblock.api.addresses import Network, client_address, is_this_machine, subscriber
from cellblock.api.errors import AnyRequest
from cellblock.api.quotas import Quotas
from cellblock.errors import RequestRefused
from cellblock.model import Profile
from cellblock.store import ApiKey, Keys

_BEARER = "bearer"
_ASKS_FOR_A_KEY = {"www-authenticate": "Bearer"}


class Caller(Struct, frozen=True, kw_only=True):
    """Whoever sent a request that was let in."""

    scope: str
    """Whose records and idempotency keys they are: the API key's id; empty without keys."""
    profiles: tuple[Profile, ...]
    """At least one; the first holds where a request names none."""

    def choose(self, asked: Profile | None) -> Profile:
        """Return the profile to run under; refuses (403) one that the key was not issued for."""
        if asked is None:
            return self.profiles[0]
        if asked not in self.profiles:
            issued = ", ".join(self.profiles)
            raise RequestRefused(
                403, f"this API key was not issued for profile {asked}; it was issued for: {issued}"
            )
        return asked


_ANYONE_HERE = Caller(scope="", profiles=(Profile.JUDGE, Profile.EXECUTOR))


class Gate:
    """Lets requests in, or refuses them."""

    def __init__(
        self, *, keys: Keys, quotas: Quotas, trusted_proxies: Sequence[Network], listens_on: str
    ) -> None:
        """Only where ``listens_on`` is a loopback address may there be no keys."""
        self._keys = keys
        self._quotas = quotas
        self._trusted_proxies = trusted_proxies
        self._may_be_open = ipaddress.ip_address(listens_on).is_loopback

    def admit(self, request: AnyRequest) -> Caller:
        """Let a request in that only reads. Refuses with 429, 401 or 403."""
        return self._enter(request)[0]

    def admit_run(self, request: AnyRequest) -> Caller:
        """Let a request in that asks for a run, and count it. Refuses with 429, 401, 429 or 403."""
        caller, key = self._enter(request)
        if key is not None:
            self._quotas.count_run(key)
        return caller

    def _enter(self, request: AnyRequest) -> tuple[Caller, ApiKey | None]:
        self._count_address(request)
        token = _token(request)
        key = self._keys.find(token) if token else None
        if key is not None:
            request.scope["state"]["caller"] = key.id  # for the log
            return Caller(scope=key.id, profiles=key.profiles), key
        if not self._may_be_open or self._keys.exist():
            raise RequestRefused(401, "invalid or missing API key", headers=_ASKS_FOR_A_KEY)
        _require_this_machine(request)
        return _ANYONE_HERE, None

    def _count_address(self, request: AnyRequest) -> None:
        if not self._quotas.limits_addresses:
            return
        peer = request.client.host if request.client else ""
        address = client_address(peer, request.headers.getall("x-forwarded-for", []), self._trusted_proxies)
        if address is not None:
            self._quotas.count_address(subscriber(address))


def _token(request: AnyRequest) -> str | None:
    token = request.headers.get("x-api-key")
    if token is None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != _BEARER:
            return None
    return token.strip()


def _require_this_machine(request: AnyRequest) -> None:
    """Refuse (403) a browser that a foreign name led here: its page may come from anywhere."""
    host = request.headers.get("host")
    if host is not None and not is_this_machine(host):
        raise RequestRefused(
            403,
            f"host {host!r} is not this machine: without API keys only loopback addresses and localhost "
            "are served; create a key with `cellblock keys create` and send it",
        )
