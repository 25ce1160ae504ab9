"""Network namespaces: the kernel's own count, and who holds which.

One that no process is in and nobody holds is being taken apart, or was leaked in the kernel. Others on this
machine make and end them too: what they have left a moment ago is taken off the count. Where nobody else
makes any, nothing is taken off.
"""

from __future__ import annotations

import re
import time
from contextlib import suppress
from pathlib import Path

from cellblock.attacks import proc

_MOUNTED = re.compile(r"net:\[[0-9]+\]")
_SLAB = Path("/sys/kernel/slab/net_namespace")
_TAKEN_APART_WITHIN_S = 1.0


def in_kernel() -> int:
    """Return how many the kernel has; 0 where it does not tell.

    Such as in a container, whose ``/sys`` is read-only: then none is seen to be left behind. The count is
    exact once the allocator has put back what it keeps for the next.
    """
    try:
        (_SLAB / "shrink").write_text("1", encoding="ascii")
        return int((_SLAB / "objects").read_text(encoding="ascii").split()[0])
    except OSError:
        return 0


class NetworkNamespaces:
    """What there is of them while an instance is watched."""

    def __init__(self, parent: int) -> None:
        """Tell those of the instance below ``parent`` from everybody else's."""
        self._parent = parent
        self._others: set[str] = set()
        self._looked_s = 0.0
        self._gone_s: dict[str, float] = {}

    def ours(self) -> set[str]:
        """Name those that a process of the instance is in or holds."""
        return _held([self._parent, *proc.descendants(self._parent)])

    def abandoned(self) -> int:
        """Count those that the kernel has and nobody holds, but for what others have just left."""
        there = in_kernel()
        held = _held(proc.pids())
        self._note_others(held - self.ours())
        return max(0, there - len(held) - len(self._gone_s))

    def _note_others(self, now: set[str]) -> None:
        """Remember for a moment which of the others' have gone, between two looks that are close."""
        at_s = time.monotonic()
        if at_s - self._looked_s < _TAKEN_APART_WITHIN_S:
            self._gone_s |= dict.fromkeys(self._others - now, at_s)
        self._others, self._looked_s = now, at_s
        self._gone_s = {
            name: gone_s for name, gone_s in self._gone_s.items() if at_s - gone_s < _TAKEN_APART_WITHIN_S
        }


def _held(pids: list[int]) -> set[str]:
    """Name those that these processes are in, have open or have mounted."""
    held: set[str] = set()
    mounts: dict[str, str] = {}
    for pid in pids:
        with suppress(OSError):
            where = str(Path(f"/proc/{pid}/ns/mnt").readlink())
            mounts.setdefault(where, proc.text(Path(f"/proc/{pid}/mountinfo")))
        for task in proc.names(Path(f"/proc/{pid}/task")):
            with suppress(OSError):
                held.add(str(Path(f"/proc/{pid}/task/{task}/ns/net").readlink()))
        held |= {link for link in proc.links(pid) if link.startswith("net:[")}
    return held | {found for text in mounts.values() for found in _MOUNTED.findall(text)}
