"""What a group of measurements comes to: rows of one table, and the figures behind them."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any, NamedTuple


class Row(NamedTuple):
    """One line of the table."""

    number: str
    figure: str
    value: float
    target: str
    met: bool


class Group(NamedTuple):
    """What was measured together."""

    name: str
    rows: list[Row]
    figures: dict[str, Any]


def at_most(number: str, figure: str, value: float, bound: float) -> Row:
    """Return a row whose value should not exceed ``bound``."""
    return Row(number, figure, value, f"≤ {bound:g}", value <= bound)


def at_least(number: str, figure: str, value: float, bound: float) -> Row:
    """Return a row whose value should reach ``bound``."""
    return Row(number, figure, value, f"≥ {bound:g}", value >= bound)


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the value that ``percent`` % of the others do not exceed."""
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]
