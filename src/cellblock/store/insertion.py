"""Rows of one table, many by one statement, for what is written by the thousand.

A statement for each row costs more than the row: the driver gives the interpreter lock away for every
step, and the thread that writes has to wait for it after each.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Table

_ROWS_MAX = 64
"""Of one statement; the driver keeps one prepared for each number of rows that comes up."""


class Insertion:
    """An insert into some columns of a table."""

    def __init__(self, table: Table, columns: Sequence[str]) -> None:
        # What breaks a rule takes the whole transaction back, as its callers do anyway: to take back only the
        # statement, SQLite would write down every page before it is changed, in a file of its own.
        self._head = f"INSERT OR ROLLBACK INTO {table.name} ({', '.join(columns)}) VALUES "  # noqa: S608  # our own names
        self._row = f"({', '.join('?' * len(columns))})"
        self._statement = cache(self._with_rows)

    def execute(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert ``rows``, each in the order of the columns; a failure ends the transaction."""
        for start in range(0, len(rows), _ROWS_MAX):
            some = rows[start : start + _ROWS_MAX]
            connection.exec_driver_sql(self._statement(len(some)), tuple(chain.from_iterable(some)))

    def _with_rows(self, count: int) -> str:
        return self._head + ", ".join([self._row] * count)
