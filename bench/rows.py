"""What a group of measurements comes to: rows of one table, and the figures behind them."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from types import MappingProxyType
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
    stages: Mapping[str, dict[str, dict[str, float]]] = MappingProxyType({})
    """By measurement, by part of a program's way: median and mean in ms."""
    failures: tuple[str, ...] = ()
    """Wrong answers and the like that cost a row, but not the others."""


def at_most(number: str, figure: str, value: float, bound: float) -> Row:
    """Return a row whose value should not exceed ``bound``."""
    return Row(number, figure, value, f"≤ {bound:g}", value <= bound)


def at_least(number: str, figure: str, value: float, bound: float) -> Row:
    """Return a row whose value should reach ``bound``."""
    return Row(number, figure, value, f"≥ {bound:g}", value >= bound)


def stated(number: str, figure: str, value: float) -> Row:
    """Return a row that has no target: its value is to be known."""
    return Row(number, figure, value, "stated", met=True)


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the value that ``percent`` % of the others do not exceed."""
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]
