"""Latency: the service and something bare in turns, in one loop on one machine."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from rows import percentile


class Effort(NamedTuple):
    """How long to measure: so many pairs, or until a figure has had its time, but at least the least."""

    pairs: int
    figure_s: float
    """0 for as long as it takes."""

    @property
    def least(self) -> int:
        """How many pairs are taken of what is slow."""
        return min(self.pairs, 40)


def timed(action: Callable[[], object]) -> float:
    """Return how many ms ``action`` took."""
    start = time.perf_counter()
    action()
    return (time.perf_counter() - start) * 1000


def in_turns(
    name: str, effort: Effort, over_http: Callable[[int], float], bare: Callable[[int], float]
) -> dict[str, Any]:
    """Take both, which return how many ms a run with this number took them; returns what came out.

    Says on standard error how it went: a whole bench takes long.
    """
    taken: list[tuple[float, float]] = []
    end_s = time.perf_counter() + (effort.figure_s or float("inf"))
    while len(taken) < effort.pairs and (time.perf_counter() < end_s or len(taken) < effort.least):
        number = len(taken)
        taken.append((over_http(number), bare(number)))
    http_ms, bare_ms = [pair[0] for pair in taken], [pair[1] for pair in taken]
    http_p50_ms, bare_p50_ms = statistics.median(http_ms), statistics.median(bare_ms)
    sys.stderr.write(f"  … {name}: {len(taken)} pairs, {http_p50_ms:.1f} and bare {bare_p50_ms:.1f} ms\n")
    return {
        "pairs": len(taken),
        "http_p50_ms": http_p50_ms,
        "http_p95_ms": percentile(http_ms, 95),
        "bare_p50_ms": bare_p50_ms,
        "bare_p95_ms": percentile(bare_ms, 95),
        "http_ms": [round(value, 2) for value in http_ms],
        "bare_ms": [round(value, 2) for value in bare_ms],
    }


def ratio(figures: dict[str, Any]) -> float:
    """Return the service's median in terms of the bare one."""
    return float(figures["http_p50_ms"] / figures["bare_p50_ms"])
