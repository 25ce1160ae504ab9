"""What the execute API and Piston's show of a run's stages. Pure."""

from __future__ import annotations

import signal

from msgspec import Struct

from cellblock.model import LanguageStatus, Outcome, StageReport

_NS_PER_MS = 1_000_000


class Shown(Struct, frozen=True, kw_only=True):
    """A run's stages as both dialects show them: a failed compilation stands for the run, too."""

    compile: StageReport | None
    """``None`` where the language has no such stage."""
    run: StageReport


def shown(outcome: Outcome, runtime: LanguageStatus) -> Shown:
    """Sort an outcome's stages."""
    first, *rest = outcome.stages
    if runtime.compile_limits is None:
        return Shown(compile=None, run=first)
    return Shown(compile=first, run=rest[0] if rest else first)


def signal_name(number: int | None) -> str | None:
    """Return ``SIGKILL`` and the like; real-time signals by their distance from the first."""
    if number is None:
        return None
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"SIGRTMIN+{number - signal.SIGRTMIN}"


def whole_ms(time_ns: int | None) -> int | None:
    """Round nanoseconds to milliseconds."""
    return None if time_ns is None else round(time_ns / _NS_PER_MS)
