"""Signatures after Standard Webhooks. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence

_PREFIX = "whsec_"


class Signer:
    """Signs one message, whose body is given in pieces.

    The key is the secret's own UTF-8. A secret that is ``whsec_`` and base64 signs a second time
    with what it encodes, as libraries of the standard read it.
    """

    def __init__(self, secret: str, message_id: str, timestamp_s: int) -> None:
        signed_first = f"{message_id}.{timestamp_s}.".encode()
        self._macs = [hmac.new(key, signed_first, hashlib.sha256) for key in _keys(secret)]

    def update(self, piece: bytes) -> None:
        """Go on with the next piece of the body."""
        for mac in self._macs:
            mac.update(piece)

    def header(self) -> str:
        """Return ``webhook-signature`` for all that was given."""
        return " ".join(f"v1,{base64.b64encode(mac.digest()).decode()}" for mac in self._macs)


def _keys(secret: str) -> Sequence[bytes]:
    as_given = secret.encode()
    encoded = secret.removeprefix(_PREFIX)
    if encoded == secret:
        return [as_given]
    try:
        decoded = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        return [as_given]
    return [as_given, decoded] if decoded else [as_given]
