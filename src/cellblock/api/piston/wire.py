"""What Piston's API reads and writes. Field order is the order on the wire."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, Struct, UnsetType

from cellblock.api.outputs import Output


class PistonBody(Struct, frozen=True, kw_only=True):
    """Body of ``POST /api/v2/execute`` before anything is checked: Piston has words of its own for that."""

    language: Any = None
    version: Any = None
    files: Any = None
    stdin: Any = None
    args: Any = None
    run_timeout: Any = None
    compile_timeout: Any = None
    run_cpu_time: Any = None
    compile_cpu_time: Any = None
    run_memory_limit: Any = None
    compile_memory_limit: Any = None


class PistonStage(Struct, frozen=True, kw_only=True):
    """How one stage went; what was not measured is null."""

    signal: str | None
    stdout: Output
    stderr: Output
    code: int | None
    output: Output
    """Both streams as they were written."""
    memory: int | None
    """Peak, in bytes."""
    message: str | None
    """What ``status`` means here."""
    status: str | None
    """``RE`` exit code, ``SG`` signal, ``TO`` timeout, ``OL`` or ``EL`` too much output, ``XX`` unknown."""
    cpu_time: int | None
    """Milliseconds."""
    wall_time: int | None
    """Milliseconds."""


class PistonAnswer(Struct, frozen=True, kw_only=True):
    """Answer to ``POST /api/v2/execute``, whatever the program did."""

    compile: PistonStage | UnsetType = UNSET
    run: PistonStage
    language: str
    version: str


class PistonErrorBody(Struct, frozen=True):
    """Every answer of this dialect that is not 200."""

    message: str
