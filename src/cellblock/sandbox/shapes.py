"""What a run asks for, and the part of it that a cell can be made from before the run is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

import msgspec
from msgspec import Struct

from cellblock.model import Limits, SourceFile

_MS_PER_S = 1000


class How(StrEnum):
    """How a runtime is started ahead of its submission; see ``native/warm.c``."""

    FORK = "fork"
    """One booted interpreter, forked into each cell: for runtimes of one thread."""
    BOOT = "boot"
    """Booted in the cell itself, once for each: for all others."""


class Warm(Struct, frozen=True, kw_only=True):
    """A runtime that is started ahead, and where it stops."""

    how: How
    argv: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]
    gate: str
    """The path, as it names it, at whose first look it waits. With a final slash: all below it, and every
    relative name."""
    stand_in: str = ""
    """The main file, as it names it, where that has to be there earlier: opened, or with ``boot`` seen."""


class CellShape(Struct, frozen=True, kw_only=True):
    """Everything about a cell that is settled when it is made: cells of one shape are equally good."""

    root: str
    binds: tuple[str, ...] | None = None
    limits: Limits
    """Those that a cell is made with; what only a watcher enforces is zero."""
    makes_out: bool
    loopback: bool
    warm: Warm | None

    @property
    def boots(self) -> bool:
        """Whether its cell boots a runtime of its own."""
        return self.warm is not None and self.warm.how is How.BOOT

    @property
    def cold(self) -> CellShape:
        """The same without a runtime: it can run what this one can."""
        return msgspec.structs.replace(self, warm=None)


class CellSpec(Struct, frozen=True, kw_only=True):
    """What is to run, and within what."""

    argv: Sequence[str]
    """The first is the absolute path, inside the cell, of what is executed."""
    environment: Mapping[str, str]
    files: Sequence[SourceFile]
    stdin: bytes
    limits: Limits
    root: str
    """Name of the root that the program sees."""
    binds: tuple[str, ...] | None = None
    """Which of the root's ``binds`` are in it, by their paths inside; ``None`` for all."""
    makes_out: bool = False
    """Whether ``/out`` can be written, for a compiler; the cell then has an ``out_fd`` to hand on."""
    out_fd: int = -1
    """A detached mount to be seen, read-only, at ``/out``; stays the caller's to close."""
    loopback: bool = False
    warm: Warm | None = None
    """A runtime that runs this when it is there already; it must do what ``argv`` would."""

    @property
    def shape(self) -> CellShape:
        """Return the shape of a cell for this."""
        cpu_ms = -(-self.limits.cpu_ms // _MS_PER_S) * _MS_PER_S  # the kernel's own limit counts seconds
        limits = msgspec.structs.replace(self.limits, wall_ms=0, output_bytes=0, cpu_ms=cpu_ms)
        return CellShape(
            root=self.root,
            binds=self.binds,
            limits=limits,
            makes_out=self.makes_out,
            loopback=self.loopback,
            warm=self.warm,
        )
