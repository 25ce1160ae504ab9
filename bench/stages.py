"""Where the time goes: the service's own histogram of a program's parts, before and after a measurement."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from cellblock.events import Part

_SAMPLE = re.compile(
    r'^cellblock_stage_duration_seconds_(?P<kind>bucket|sum|count)\{(?:le="(?P<bound>[^"]+)",)?'
    r'stage="(?P<stage>\w+)"(?:,le="(?P<later_bound>[^"]+)")?\} (?P<value>\S+)$',
    re.MULTILINE,
)


class Times(NamedTuple):
    """How one part's times were distributed."""

    runs: float
    sum_s: float
    buckets: dict[float, float]
    """How many took no longer than so many seconds."""

    def median_ms(self) -> float:
        """Return the median, as well as the buckets know it."""
        below_s, counted = 0.0, 0.0
        for bound_s, upto in sorted(self.buckets.items()):
            if upto >= self.runs / 2:
                inside = (self.runs / 2 - counted) / (upto - counted) if upto > counted else 0.0
                return 1000 * (below_s if math.isinf(bound_s) else below_s + inside * (bound_s - below_s))
            below_s, counted = bound_s, upto
        return math.nan


def read(exposition: str) -> dict[str, Times]:
    """Return the times of each part from Prometheus' text format."""
    counts: dict[str, float] = {}
    sums: dict[str, float] = {}
    buckets: dict[str, dict[float, float]] = {}
    for sample in _SAMPLE.finditer(exposition):
        stage, value = sample["stage"], float(sample["value"])
        if sample["kind"] == "bucket":
            buckets.setdefault(stage, {})[float(sample["bound"] or sample["later_bound"])] = value
        else:
            (counts if sample["kind"] == "count" else sums)[stage] = value
    return {stage: Times(counts[stage], sums[stage], buckets[stage]) for stage in counts}


def between(before: dict[str, Times], after: dict[str, Times]) -> dict[str, dict[str, float]]:
    """Return median and mean, in ms, of each part that was measured in between, in the parts' order."""
    found = {}
    for part in Part:
        if part not in after:
            continue
        now, then = after[part], before.get(part, Times(0, 0, {}))
        runs = now.runs - then.runs
        if runs:
            counted = {bound: upto - then.buckets.get(bound, 0) for bound, upto in now.buckets.items()}
            spent = Times(runs, now.sum_s - then.sum_s, counted)
            found[str(part)] = {
                "p50_ms": round(spent.median_ms(), 3),
                "mean_ms": round(spent.sum_s / runs * 1000, 3),
            }
    return found


def line(stages: dict[str, dict[str, float]], before: dict[str, dict[str, float]]) -> str:
    """Write the medians, each with what it was ``before`` where that is known."""
    words = []
    for stage, times in stages.items():
        was = f" (was {before[stage]['p50_ms']:.2f})" if stage in before else ""
        words.append(f"{stage} {times['p50_ms']:.2f}{was}")
    return ", ".join(words)
