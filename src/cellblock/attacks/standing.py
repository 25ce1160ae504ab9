"""What of an instance stands by while nothing runs: spawners, zygotes, cells that wait for their first job.

What a run has left must be told from a cell that was made ahead of its program. The kernel tells them
apart: until its job has come a cell's init has the capabilities of root, and it gives them up for good
before the first submitted byte is run (``native/init.c``). So a cell waits while its init has them and one
program-to-be, confined, is all that is below init, and alone in the cell's groups. Whatever else there is of
cells belongs to a run or was left by one, and is called a stray here.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from cellblock.attacks import proc
from cellblock.attacks.instance import Instance

ZYGOTES_MAX = 8
"""How many of those asked for lately live (``sandbox/zygotes.py``); those over live while their cells do."""
_SETTLES_WITHIN_S = 2.0
_NO_CAPABILITIES = 0
_NO = "0"
_INIT = "1"
"""The number of an init in its own pid namespace."""


class Waiting(Struct, frozen=True):
    """A cell that has had no job yet."""

    name: str
    """Its groups' name."""
    init: int
    program: int
    """What will become the program, confined, at its gate; a booted runtime maybe."""

    @property
    def writes_out(self) -> bool:
        """Whether it is a compiler's, whose ``/out`` the supervisor holds too."""
        mounts = (line.split() for line in proc.text(Path(f"/proc/{self.program}/mounts")).splitlines())
        return any(mount[1] == "/out" for mount in mounts)


class Zygote(Struct, frozen=True):
    """An interpreter that programs are forked from."""

    pid: int
    started: str
    kind: tuple[int, str, str]
    """Its spawner, its command line, its stack limit: of a kind one is enough."""


class Standing(Struct, frozen=True, kw_only=True):
    """Everything below a supervisor at one moment."""

    spawners: list[int]
    zygotes: list[Zygote]
    waiting: list[Waiting]
    strays: list[int]
    """Processes that are none of these."""
    stray_groups: list[Path]
    """Groups that are no waiting cell's."""

    @property
    def replaced(self) -> list[Zygote]:
        """Zygotes that a younger one stands in for, and that no cell lives on: they should have ended."""
        youngest = {each.kind: each for each in sorted(self.zygotes, key=lambda each: int(each.started))}
        older = [each for each in self.zygotes if each is not youngest[each.kind]]
        return [each for each in older if not proc.children(each.pid)]


def counted_at_rest(instance: Instance, count: Callable[[Standing], dict[str, int]]) -> dict[str, int]:
    """Return a count during which what stands by stayed the same.

    Cells are made ahead and let go of at any time, and what is held of one that went meanwhile would
    be taken off twice.
    """
    there = look(instance)
    while True:
        counts = count(there)
        before, there = there, look(instance)
        if (there.waiting, there.zygotes) == (before.waiting, before.zygotes):
            return counts


def look(instance: Instance) -> Standing:
    """Look once; what is just being made or ended is among the strays."""
    spawners = proc.children(instance.supervisor)
    groups = {
        tree / name: proc.text(tree / name / "cgroup.procs").split()
        for tree in instance.groups
        for name in proc.names(tree)
        if (tree / name).is_dir()
    }
    zygotes: list[Zygote] = []
    waiting: list[Waiting] = []
    known = set(spawners)
    for spawner in spawners:
        for child in proc.children(spawner):
            started, numbers = proc.started(child), _numbers(child)
            inits = [child]
            if started and len(numbers) == 1:
                zygotes.append(Zygote(child, started, (spawner, *_kind(child))))
                known.add(child)
                inits = proc.children(child)
            for cell in (_waiting(init, groups) for init in inits):
                if cell:
                    waiting.append(cell)
                    known |= {cell.init, cell.program}
    names = {cell.name for cell in waiting}
    return Standing(
        spawners=spawners,
        zygotes=zygotes,
        waiting=waiting,
        strays=[pid for pid in proc.descendants(instance.supervisor) if pid not in known],
        stray_groups=sorted(group for group in groups if group.name not in names),
    )


class Bystanders:
    """What stood by before an attack, to be looked at after it."""

    def __init__(self, instance: Instance) -> None:
        """Remember all that sleeps."""
        self._instance = instance
        self.before = look(instance)
        self._steady = {
            (pid, proc.started(pid)): {**proc.steady(pid), **proc.ASLEEP} for pid in _sleepers(self.before)
        }

    def harmed(self) -> list[str]:
        """Name what is not as it was, of that which is still there; and zygotes that have no successor.

        A cell that waited may have been given a job meanwhile, or let go.
        """
        deadline_s = time.monotonic() + _SETTLES_WITHIN_S
        while (found := self._harmed()) and time.monotonic() < deadline_s:
            time.sleep(0.01)
        return found

    def _harmed(self) -> list[str]:
        now = look(self._instance)
        kinds = {zygote.kind for zygote in now.zygotes}
        ended = [
            f"a zygote (process {zygote.pid}) was ended"
            for zygote in self.before.zygotes
            if zygote not in now.zygotes and zygote.kind not in kinds
        ]
        over = max(0, len(self.before.zygotes) - ZYGOTES_MAX)  # which end with their last cells
        found = ended if len(ended) > over else []
        sleepers = set(_sleepers(now))
        for (pid, started), before in self._steady.items():
            steady = proc.steady(pid)
            if pid in sleepers and proc.started(pid) == started and steady:
                found += [
                    f"process {pid} of ours was changed: {name} {before[name]} → {value}"
                    for name, value in steady.items()
                    if before.get(name) != value
                ]
        return found


def _sleepers(standing: Standing) -> list[int]:
    cells = [pid for cell in standing.waiting for pid in (cell.init, cell.program)]
    return [*standing.spawners, *(zygote.pid for zygote in standing.zygotes), *cells]


def _waiting(init: int, groups: dict[Path, list[str]]) -> Waiting | None:
    """Return the cell of an init if it waits; ``groups`` with their members."""
    told, below = proc.status(init), proc.descendants(init)
    # Not by no_new_privs, which in a container all have from the beginning.
    has_begun = int(told.get("CapPrm", "0"), 16) == _NO_CAPABILITIES
    if _numbers(init)[1:] != [_INIT] or has_begun or len(below) != 1:
        return None
    if proc.status(below[0]).get("NoNewPrivs", _NO) == _NO:
        return None  # still to be confined
    program = str(below[0])
    names = {group.name for group, members in groups.items() if program in members}
    if len(names) != (1 if groups else 0):
        return None
    alone = all(members == [program] for group, members in groups.items() if group.name in names)
    return Waiting("".join(names), init, below[0]) if alone else None


def _numbers(pid: int) -> list[str]:
    """Return a process's number in each of its pid namespaces, ours first; none where it is gone."""
    return proc.status(pid).get("NSpid", "").split()


def _kind(pid: int) -> tuple[str, str]:
    limits = proc.text(Path(f"/proc/{pid}/limits")).splitlines()
    stack = next((line for line in limits if line.startswith("Max stack size")), "")
    return proc.text(Path(f"/proc/{pid}/cmdline")), stack
