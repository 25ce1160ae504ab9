"""Our failures and the client's. The program's failures are outcomes, never exceptions.

``CellblockError`` and below mean that cellblock could not do its work; ``RequestRefused``
means that what was asked cannot be done as asked. The two never share a path.
"""

from __future__ import annotations

import os
from collections.abc import Mapping


class CellblockError(Exception):
    """Something on our side failed; the message says what and what to do."""


class ConfigError(CellblockError):
    """A setting is unknown or cannot be parsed; the message names it and where it came from."""


class HostError(CellblockError):
    """The host lacks something that is needed; the message names it and the remedy."""


class SandboxError(CellblockError):
    """A cell could not be set up, watched or torn down."""

    def __init__(self, step: str, errno: int = 0, detail: str = "") -> None:
        """Name the ``step`` that failed, with the kernel's ``errno`` where there is one."""
        self.step = step
        self.errno = errno
        self.detail = detail
        reason = os.strerror(errno) if errno else ""
        super().__init__(": ".join(part for part in (f"cell step {step} failed", reason, detail) if part))


class CellLostError(SandboxError):
    """A cell went away by no doing of its program: a process of ours was killed. It may be run again."""


class StoreError(CellblockError):
    """The store cannot be read or written just now."""

    def __init__(self, message: str, *, reason: str = "the store cannot be reached") -> None:
        """Say in ``message`` what happened and what to do; ``reason``, without paths, is for clients."""
        self.reason = reason
        super().__init__(message)


class SupervisorUnavailableError(CellblockError):
    """No supervisor is connected, so nothing was started."""


class SupervisorLostError(CellblockError):
    """The supervisor, or what held the cell, went away while a job of ours was running."""


class RequestRefused(Exception):  # noqa: N818  # a refusal is an answer, not an error of ours
    """The request cannot be served as asked: an HTTP status, a text for the client, extra headers."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        retry_after_s: int | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Refuse with ``status`` and ``message``; ``retry_after_s`` becomes ``Retry-After``.

        ``code`` names the reason for dialects that show one, where the status alone does not.
        """
        self.status = status
        self.message = message
        self.retry_after_s = retry_after_s
        self.code = code
        self.headers = headers or {}
        super().__init__(message)
