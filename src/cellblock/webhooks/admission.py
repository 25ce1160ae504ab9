"""What a webhook must be to be accepted, and where it may be delivered."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address

from cellblock.errors import RequestRefused
from cellblock.webhooks.addresses import is_loopback, is_public
from cellblock.webhooks.network import LookupsBusyError, Resolve
from cellblock.webhooks.target import Address, Target, TargetError, parse

SECRET_MAX_BYTES = 256
RESOLVE_TIMEOUT_S = 5.0
_RETRY_AFTER_S = 1
_BUSY = "too many webhook hosts are being looked up, try again later"
_OWN_ADDRESSES: Sequence[Address] = (IPv4Address("127.0.0.1"), IPv6Address("::1"))


class BlockedError(Exception):
    """The webhook must not be contacted; the message is for the client."""


class UnresolvableError(Exception):
    """The host has no address just now; the message is for the client."""


class BusyError(UnresolvableError):
    """That the host has no address now is our own doing: too many are being looked up."""


class Admission:
    """Checks webhooks. The same rules hold when one is submitted and at every attempt."""

    def __init__(
        self, resolve: Resolve, *, allow_localhost: bool, resolve_timeout_s: float = RESOLVE_TIMEOUT_S
    ) -> None:
        """Look names up with ``resolve``; ``allow_localhost`` is for development only.

        It allows receivers on this machine that are named as such, ``localhost`` or a loopback
        address, also without TLS; never a name that merely resolves to one.
        """
        self._resolve = resolve
        self._allow_localhost = allow_localhost
        self._resolve_timeout_s = resolve_timeout_s

    async def admit(self, url: str, secret: str | None, scope: str) -> None:
        """Refuse (400) a webhook of ``scope`` that must not be delivered; the secret is looked at first.

        Where too many names are being looked up for ``scope`` already, it is refused with 503.
        """
        if not secret:
            raise RequestRefused(400, "webhook_secret is required when webhook_url is provided")
        if _size_bytes(secret) > SECRET_MAX_BYTES:
            raise RequestRefused(400, f"webhook_secret must be {SECRET_MAX_BYTES} bytes or less")
        try:
            await self.addresses(self.target(url), scope)
        except BusyError as error:
            raise RequestRefused(503, str(error), retry_after_s=_RETRY_AFTER_S) from error
        except (BlockedError, UnresolvableError) as error:
            raise RequestRefused(400, str(error)) from error

    def target(self, url: str) -> Target:
        """Take a URL apart; raises ``BlockedError`` where it may not be used whatever it resolves to."""
        try:
            wanted = parse(url)
        except TargetError as error:
            raise BlockedError("invalid webhook URL") from error
        local = wanted.is_local_name or (wanted.literal is not None and is_loopback(wanted.literal))
        allowed_here = self._allow_localhost and local
        maybe_here = self._allow_localhost and not wanted.host and wanted.scheme == "http"
        if wanted.scheme != "https" and not (wanted.scheme == "http" and (allowed_here or maybe_here)):
            raise BlockedError(
                "webhook_url must use HTTPS (set CELLBLOCK_ALLOW_LOCALHOST_WEBHOOKS=true for dev mode)"
            )
        if not wanted.host:
            raise BlockedError("webhook_url missing host")
        if allowed_here:
            return wanted
        if wanted.is_local_name:
            raise BlockedError("webhook_url cannot target localhost")
        if wanted.literal is not None and not is_public(wanted.literal):
            raise BlockedError("webhook_url cannot target private/loopback IPs")
        return wanted

    async def addresses(self, wanted: Target, scope: str) -> Sequence[Address]:
        """Return where to connect to for ``scope``: every one of these addresses is allowed.

        Raises ``UnresolvableError``, and ``BlockedError`` where any address of the name is not allowed.
        """
        if wanted.literal is not None:
            return [wanted.literal]
        if wanted.is_local_name:
            return _OWN_ADDRESSES
        try:
            async with asyncio.timeout(self._resolve_timeout_s):
                found = await self._resolve(wanted.host, scope)
        except LookupsBusyError as error:
            raise BusyError(_BUSY) from error
        except OSError as error:  # TimeoutError is one
            raise _unresolvable(wanted) from error
        if not found:
            raise _unresolvable(wanted)
        for address in found:
            if not is_public(address):
                raise BlockedError(f"webhook_url host '{wanted.host}' resolves to blocked IP {address}")
        return found


def _unresolvable(wanted: Target) -> UnresolvableError:
    return UnresolvableError(f"webhook_url host '{wanted.host}' could not be resolved")


def _size_bytes(secret: str) -> int:
    try:
        return len(secret.encode())
    except UnicodeEncodeError as error:
        message = "field `webhook_secret`: contains a lone surrogate, which no text has"
        raise RequestRefused(400, message) from error
