"""A test build of the helper in which any one call can be made to go wrong, and what it told of its calls."""

from __future__ import annotations

import errno
import mmap
import re
import struct
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from msgspec import Struct

NATIVE = Path(__file__).parents[2] / "native"
SOURCE = Path(__file__).parent / "native" / "inject.c"
SPAWNER, INIT, PROGRAM = range(3)
ROLES = ("spawner", "init", "program")
FAILS, LIES = range(2)

_CELLS_KEPT, _CALLS_KEPT, _NAME_BYTES = 2, 4096, 24
_HEAD = struct.Struct("=7I")
_COUNTS = struct.Struct(f"={_CELLS_KEPT * len(ROLES)}I")
_NAMES_AT = _HEAD.size + _COUNTS.size
_PAGE_BYTES = _NAMES_AT + _CELLS_KEPT * len(ROLES) * _CALLS_KEPT * _NAME_BYTES
_MOST_BITS_FOR_ASAN = 28  # with more random bits, gcc's own finds its place taken now and then


class Call(Struct, frozen=True):
    """One call of one process: which cell's, by whom, the how-manieth, by what name."""

    cell: int
    role: int
    number: int
    name: str

    def __str__(self) -> str:
        return f"cell {self.cell}, {ROLES[self.role]}'s call {self.number}: {self.name}"


class Injector:
    """The page that the helper's processes share with us."""

    def __init__(self, helper: Path) -> None:
        self.helper = helper
        page = helper.with_name(f"{helper.name}.page")
        page.write_bytes(bytes(_PAGE_BYTES))
        with page.open("r+b") as file:
            self._page = mmap.mmap(file.fileno(), _PAGE_BYTES)

    @contextmanager
    def going_wrong(self, call: Call | None, error: int = errno.EPERM, mode: int = FAILS) -> Iterator[None]:
        """Let that call go wrong, once; without one, only note what is called."""
        self._arm(call, error, mode)
        try:
            yield
        finally:
            self._page[: 4 * 3] = bytes(4 * 3)

    def _arm(self, call: Call | None, error: int, mode: int) -> None:
        which = (call.cell, call.role, call.number) if call else (0, 0, 0)
        self._page[:_NAMES_AT] = _HEAD.pack(*which, error, mode, 0, 0) + bytes(_COUNTS.size)

    @property
    def hits(self) -> int:
        return _HEAD.unpack(self._page[: _HEAD.size])[5]

    def calls(self, cell: int, role: int) -> list[Call]:
        """Return what that process has called since ``going_wrong`` began."""
        place = cell * len(ROLES) + role
        count = min(_COUNTS.unpack(self._page[_HEAD.size : _NAMES_AT])[place], _CALLS_KEPT)
        start = _NAMES_AT + place * _CALLS_KEPT * _NAME_BYTES
        names = (self._page[at : at + _NAME_BYTES] for at in range(start, len(self._page), _NAME_BYTES))
        return [
            Call(cell, role, number, name.split(b"\0")[0].decode())
            for number, name in zip(range(1, count + 1), names, strict=False)
        ]


def build(target: str, directory: Path) -> Path:
    """Build the helper for tests: ``sanitized``, or ``injected``, which is both where that is reliable."""
    make = ["make", "--no-print-directory", "-s", "-C", str(NATIVE), target, f"BUILD={directory}"]
    bits = int(Path("/proc/sys/vm/mmap_rnd_bits").read_text())
    if target == "injected" and bits > _MOST_BITS_FOR_ASAN:
        make.append("SANITIZING=")
    subprocess.run(make, check=True, timeout=300)
    return directory / f"cellblock-cell-{target}"


def steps() -> set[str]:
    """Return every step that ``steps.h`` names."""
    found = re.findall(r'X\([A-Z_]+, "([a-z_]+)"\)', (NATIVE / "steps.h").read_text())
    assert len(found) > 30
    return set(found)


def telling(calls: Sequence[Call]) -> list[Call]:
    """Leave out the middle of long rows of one call: sixty-four signals are reset alike."""
    names = ["", "", *(call.name for call in calls), ""]
    return [
        call
        for call, before, last, next_ in zip(calls, names, names[1:], names[3:], strict=False)
        if not before == last == call.name == next_
    ]


def new_pairs(calls: Sequence[Call]) -> list[Call]:
    """Return those that come after another call than before: one of each kind of entry of a long list."""
    seen: set[tuple[str, str]] = set()
    chosen = list(calls[:1])
    for before, call in pairwise(calls):
        if (before.name, call.name) not in seen:
            seen.add((before.name, call.name))
            chosen.append(call)
    return chosen
