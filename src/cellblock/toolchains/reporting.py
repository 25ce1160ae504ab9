"""What an installation tells whoever watches it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from msgspec import Struct

MB = 1_000_000

Advance = Callable[[float], None]
"""Say how much of a step is done, from 0 to 1; may be called often, and never with less than before."""


class Sizes(Struct, frozen=True, kw_only=True):
    """What an installation is about to take."""

    download_bytes: int
    disk_bytes: int
    """What stays."""
    free_bytes: int
    """What the file system has left."""

    def __str__(self) -> str:
        return (
            f"{self.download_bytes / MB:,.0f} MB to download, {self.disk_bytes / MB:,.0f} MB on disk "
            f"({self.free_bytes / MB:,.0f} MB free)"
        )


class Reporter(Protocol):
    """Shows an installation: a progress bar on a terminal, lines elsewhere."""

    def say(self, text: str) -> None:
        """Show one line."""

    def agree(self, sizes: Sizes) -> None:
        """Show what it will take before it begins; raises where the user says no."""

    def step(self, title: str) -> AbstractContextManager[Advance]:
        """Show that a step begins and, at the end of the block, that it is done."""

    def ready(self, what: str) -> None:
        """Show that something can be used from now on."""
