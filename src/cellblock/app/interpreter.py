"""How the service's interpreter shares its time, once everything is started."""

from __future__ import annotations

import gc
import sys

_COLLECT_AFTER = (10_000, 5, 10)
_SWITCH_S = 0.001


def settle() -> None:
    """Set collector and interpreter lock for a program that answers many small requests."""
    # What the start made stays: 100 000 objects, 50 ms of each full collection without this.
    gc.collect()
    gc.freeze()
    # Nothing here leaves cycles behind. With Python's own 700 objects what is under way counts as growth, and
    # with 80 000 submissions waiting everybody was stopped for 50 ms each second to look at all of them.
    gc.set_threshold(*_COLLECT_AFTER)
    # The thread that writes the store needs the lock some five times a commit, and a loop that is busy gives
    # it away after so long: 5 ms each unless this is said.
    sys.setswitchinterval(_SWITCH_S)
