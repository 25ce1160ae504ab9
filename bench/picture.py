"""One picture of the results: latencies, throughput by concurrency, cost of stored records.

``picture.py RESULTS.json`` writes it to standard output, ``make bench BENCH=--picture`` to ``docs/``.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from rows import percentile

NEEDED = ("interactive", "cost", "compilers", "growth")
_WIDTH, _HEIGHT = 1080, 620
_OURS, _BARE, _INK, _FAINT, _GRID = "#1f6feb", "#8b949e", "#24292f", "#57606a", "#e4e7eb"
_STYLE = f"""
text {{ font: 12px system-ui, sans-serif; fill: {_INK}; }}
.title {{ font-size: 14px; font-weight: 600; }}
.small {{ font-size: 11px; fill: {_FAINT}; }}
"""


def draw(results: dict[str, Any]) -> str:
    """Return the picture as SVG; raises ``KeyError`` where a group was not measured."""
    facts, figures = results["machine"], results["figures"]
    latencies = {
        "python hello": figures["interactive"]["hello"],
        "C, again (bare: bwrap)": figures["cost"]["hello_and_bubblewrap"],
        **figures["compilers"],
    }
    caption = (
        f"{facts['cpu']}, {facts['cores']} cores, Linux {facts['kernel']}, cgroup {facts['cgroups']}; "
        "bare: the same toolchain without any service, in the same loop"
    )
    parts = [
        *_latencies(latencies, left=190, top=60, width=440, height=500),
        *_throughput(figures["interactive"]["sieve"], left=720, top=60, width=320, height=200),
        *_records(figures["growth"]["runs_per_s_by_records"], left=720, top=360, width=320, height=200),
        _text(20, _HEIGHT - 12, caption, "small"),
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">',
            f"<style>{_STYLE}</style>",
            f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
            *parts,
            "</svg>\n",
        ]
    )


def _latencies(
    found: dict[str, dict[str, Any]], *, left: float, top: float, width: float, height: float
) -> list[str]:
    """Draw for each pair where nine in ten of its times lie, the middle half, and the median."""
    samples = [value for pair in found.values() for value in (*pair["http_ms"], *pair["bare_ms"])]
    low, high = min(samples), max(samples)
    across = _log_scale(low, high, left, left + width)
    drawn = [
        _text(left - 170, top - 34, "Latency of one run, ms (median, middle half, 5 to 95 %)", "title"),
        *_legend(left, top - 14, (("over HTTP, isolated", _OURS), ("bare", _BARE))),
        *_vertical_grid(low, high, across, top, top + height),
    ]
    row_height = height / len(found)
    for index, (name, pair) in enumerate(found.items()):
        middle = top + row_height * (index + 0.5)
        drawn.append(_text(left - 10, middle + 4, name, anchor="end"))
        for offset, key, colour in ((-0.18, "http_ms", _OURS), (0.18, "bare_ms", _BARE)):
            drawn += _spread(pair[key], across, middle + offset * row_height, 0.26 * row_height, colour)
    return drawn


def _spread(
    values: Sequence[float], across: Callable[[float], float], y: float, thick: float, colour: str
) -> list[str]:
    p5, p25, p50, p75, p95 = (across(percentile(values, percent)) for percent in (5, 25, 50, 75, 95))
    return [
        _line(p5, y, p95, y, colour),
        _rect(p25, y - thick / 2, max(1.5, p75 - p25), thick, colour, 0.55),
        _line(p50, y - thick / 2 - 1, p50, y + thick / 2 + 1, colour, 2.5),
    ]


def _throughput(found: dict[str, Any], *, left: float, top: float, width: float, height: float) -> list[str]:
    """Draw runs per second against clients, and what bare starts reach."""
    rates = {int(clients): float(rate) for clients, rate in found["http_runs_per_s"].items()}
    bare = float(found["bare_runs_per_s"])
    across = _log_scale(min(rates), max(rates), left + 25, left + width - 15)
    most = 1.15 * max(*rates.values(), bare)
    points = [(across(clients), top + height * (1 - rate / most)) for clients, rate in rates.items()]
    bare_y = top + height * (1 - bare / most)
    drawn = [
        _text(left - 50, top - 34, "Sieve in Python, runs/s by clients at a time", "title"),
        *_legend(left, top - 14, (("over HTTP", _OURS), ("bare on all cores", _BARE))),
        *_horizontal_grid(most, left, left + width, top, height),
        _line(left, bare_y, left + width, bare_y, _BARE, 2, "5 4"),
        _polyline(points, _OURS),
    ]
    for (x, y), (clients, rate) in zip(points, rates.items(), strict=True):
        drawn.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{_OURS}"/>')
        drawn.append(_text(x, top + height + 18, str(clients), anchor="middle"))
        drawn.append(_text(x, y - 9, f"{rate:.0f}", "small", anchor="middle"))
    return drawn


def _records(found: dict[str, float], *, left: float, top: float, width: float, height: float) -> list[str]:
    """Draw runs per second against how many records are stored."""
    most = 1.15 * max(found.values())
    step = width / len(found)
    drawn = [
        _text(left - 50, top - 34, "Runs/s (bash, 12 clients) by records in the store", "title"),
        *_horizontal_grid(most, left, left + width, top, height),
    ]
    for index, (records, rate) in enumerate(found.items()):
        x, tall = left + step * (index + 0.5), height * rate / most
        drawn += [
            _rect(x - 30, top + height - tall, 60, tall, _OURS, 0.75),
            _text(x, top + height - tall - 7, f"{rate:.0f}", "small", anchor="middle"),
            _text(x, top + height + 18, f"{int(records):,}".replace(",", " "), anchor="middle"),
        ]
    return drawn


def _log_scale(low: float, high: float, begin: float, end: float) -> Callable[[float], float]:
    wide = math.log(high / low)
    return lambda value: begin + (end - begin) * math.log(value / low) / wide


def _vertical_grid(
    low: float, high: float, across: Callable[[float], float], top: float, bottom: float
) -> list[str]:
    drawn = []
    for power in range(-1, 5):
        for value in (10.0**power, 2 * 10.0**power, 5 * 10.0**power):
            if low <= value <= high:
                drawn.append(_line(across(value), top, across(value), bottom, _GRID))
                drawn.append(_text(across(value), bottom + 18, f"{value:g}", anchor="middle"))
    return drawn


def _horizontal_grid(most: float, begin: float, end: float, top: float, height: float) -> list[str]:
    power = 10 ** math.floor(math.log10(most))
    step = next(power * factor for factor in (0.1, 0.2, 0.5, 1.0) if most / (power * factor) <= 6)  # noqa: PLR2004
    drawn = []
    for index in range(int(most / step) + 1):
        y = top + height * (1 - index * step / most)
        drawn.append(_line(begin, y, end, y, _GRID))
        drawn.append(_text(begin - 8, y + 4, f"{index * step:g}", anchor="end"))
    return drawn


def _legend(x: float, y: float, entries: Sequence[tuple[str, str]]) -> list[str]:
    drawn = []
    for name, colour in entries:
        drawn.append(_rect(x, y - 9, 14, 9, colour))
        drawn.append(_text(x + 19, y, name, "small"))
        x += 45 + 6.2 * len(name)
    return drawn


def _line(
    x1: float, y1: float, x2: float, y2: float, colour: str, width: float = 1.5, dashes: str = ""
) -> str:
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
        f'stroke-width="{width:g}"{dashed}/>'
    )


def _rect(x: float, y: float, width: float, height: float, colour: str, opacity: float = 1) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="2" fill="{colour}" '
        f'fill-opacity="{opacity:g}"/>'
    )


def _polyline(points: Sequence[tuple[float, float]], colour: str) -> str:
    joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{joined}" fill="none" stroke="{colour}" stroke-width="2"/>'


def _text(x: float, y: float, text: str, kind: str = "", *, anchor: str = "start") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{named}>{escape(text)}</text>'


if __name__ == "__main__":
    sys.stdout.write(draw(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
