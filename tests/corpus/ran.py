"""What came of a program somewhere, and how it differs from what came of it elsewhere."""

from __future__ import annotations

import re

from msgspec import Struct

from cellblock.model import Verdict

_SHOWN = 60


class Ran(Struct, frozen=True, kw_only=True):
    """How a program ended, and every byte that it wrote."""

    exit_code: int | None
    """``None`` where a signal ended it."""
    signal: int | None
    stdout: bytes
    stderr: bytes
    stage: str = "run"
    """Where it ended: ``compile`` where that failed."""
    verdict: Verdict | None = None
    """Outside of a cell, where no limit ends anything, what exit code and signal say; ``None`` where nobody
    says, which is compared with nothing."""


def differences(one: Ran, other: Ran, *, names: tuple[str, str], mask: str = "") -> list[str]:
    """Name everything that is not the same, bytes by where they begin to differ; empty where nothing is.

    What the regular expression ``mask`` matches is the same wherever both have something that it matches.
    """
    judged = ("verdict",) if one.verdict and other.verdict else ()
    found = [
        f"{field}: {names[0]} {getattr(one, field)}, {names[1]} {getattr(other, field)}"
        for field in ("stage", *judged, "exit_code", "signal")
        if getattr(one, field) != getattr(other, field)
    ]
    for stream in ("stdout", "stderr"):
        first, second = (_masked(getattr(each, stream), mask) for each in (one, other))
        if first != second:
            found.append(f"{stream}: {_where(first, second, names)}")
    return found


def _masked(content: bytes, mask: str) -> bytes:
    return re.sub(mask.encode(), b"(masked)", content) if mask else content


def _where(first: bytes, second: bytes, names: tuple[str, str]) -> str:
    pairs = zip(first, second, strict=False)
    at = next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(first), len(second)))
    line = first[:at].count(b"\n") + 1
    begin = max(0, at - _SHOWN // 3)
    return (
        f"differ from byte {at} (line {line}) on, of {len(first)} and {len(second)}; "
        f"{names[0]} …{first[begin : at + _SHOWN]!r}… {names[1]} …{second[begin : at + _SHOWN]!r}…"
    )
