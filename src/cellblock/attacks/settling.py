"""Waiting until an instance that nobody uses has come to rest."""

from __future__ import annotations

import time

from cellblock.attacks import machine, proc, standing
from cellblock.attacks.instance import Instance

_RESTS_FOR_S = 0.2
"""Cells are made ahead, and runtimes boot in them, a moment after the run that took one."""
_EVERY_S = 0.02


def settle(instance: Instance, *, within_s: float, rests_for_s: float = _RESTS_FOR_S) -> dict[str, int]:
    """Wait until nothing is left of any run and what stands by has rested for a while.

    Returns what is left: all zero, unless ``within_s`` was not enough. What only
    does not rest is no leftover.
    """
    began_s = changed_s = time.monotonic()
    before = None
    while True:
        left = machine.leftovers(instance)
        now = _picture(instance)
        at_s = time.monotonic()
        if any(left.values()) or now != before:
            changed_s, before = at_s, now
        rests = not any(left.values()) and at_s - changed_s >= rests_for_s
        if rests or at_s - began_s > within_s:
            return left
        time.sleep(_EVERY_S)


def _picture(instance: Instance) -> dict[int, int]:
    """Return the CPU time of all that stands by."""
    there = standing.look(instance)
    sleepers = [*(zygote.pid for zygote in there.zygotes), *(cell.program for cell in there.waiting)]
    return {pid: proc.cpu_ticks(pid) for pid in sleepers}
