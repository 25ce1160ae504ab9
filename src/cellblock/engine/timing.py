"""Where the time of one job goes: a few readings of the monotonic clock, added up over its cells."""

from __future__ import annotations

import time

import msgspec

from cellblock.model import Outcome, PartTimes
from cellblock.sandbox.cell import Cell


class JobClock:
    """One per job."""

    def __init__(self) -> None:
        self._prepare_ns = self._spawn_ns = self._collect_ns = self._gone_ns = 0

    def cell_gone(self, cell: Cell, *, asked_ns: int, ready_ns: int, ended_ns: int) -> None:
        """Add a cell that is gone now: when it was asked for, waited at its gate, its program ended."""
        self._gone_ns = time.monotonic_ns()
        self._prepare_ns += ready_ns - asked_ns
        # What was made before somebody asked took nobody's time.
        self._spawn_ns += max(0, cell.spawned_ns - max(cell.spawn_begun_ns, asked_ns))
        self._collect_ns += self._gone_ns - ended_ns

    def stamp(self, outcome: Outcome) -> Outcome:
        """Return the outcome that has just been concluded, with these times."""
        times = PartTimes(
            prepare_ns=self._prepare_ns,
            spawn_ns=self._spawn_ns,
            collect_ns=self._collect_ns,
            judge_ns=time.monotonic_ns() - self._gone_ns if self._gone_ns else 0,
        )
        return msgspec.structs.replace(outcome, times=times)
