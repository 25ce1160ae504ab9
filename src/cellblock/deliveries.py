"""What became of a submission's webhook: nouns of their own, for store, deliverer and API."""

from __future__ import annotations

from msgspec import Struct

from cellblock.model import DeliveryStatus


class DeliveryAttempt(Struct, frozen=True, kw_only=True):
    """How one attempt went."""

    number: int
    """From 1."""
    started_at_ns: int
    duration_ns: int
    status_code: int | None
    """The receiver's answer, where there was one."""
    error: str | None
    """Why this attempt delivered nothing."""


class DeliveryLog(Struct, frozen=True, kw_only=True):
    """A submission's webhook and all attempts to call it."""

    url: str | None
    status: DeliveryStatus
    due_at_ns: int | None
    attempts: tuple[DeliveryAttempt, ...]
