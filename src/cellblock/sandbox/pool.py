"""Cells that are made ahead: of the shapes that were asked for lately, as many as were asked for.

A cell that waits here is fresh: it was made for one run, and is destroyed after it. An empty pool means
that a cell is made on the spot, never a wait for one.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from functools import cached_property

from cellblock.errors import CellblockError
from cellblock.sandbox.cell import Cell
from cellblock.sandbox.kernel_files import read_kernel_file
from cellblock.sandbox.shapes import CellShape

log = logging.getLogger(__name__)

_SHAPES_MAX = 32
"""Shapes whose demand is remembered."""
_RATE_WINDOW_S = 4.0
_FORGET_S = 300.0
"""How long after the last demand for its shape a cell still waits."""
_BOOTS_AFTER = 2
"""How often a cell that boots a runtime has to be asked for before one waits. A limit may be part of what
it is: what comes once, a self-test too, need not cost a start and tens of MiB."""
_MEMORY_SHARE = 8
"""Cells that wait hold this part of the machine's memory, and a last one's."""
_TICK_S = 1.0
_RETRY_S = 10.0
"""How long after a cell could not be made the next of its shape is tried."""
_HELD_BACK_S = 0.03
"""How long a run that is the only one is left alone with the processor, before the next cell is made."""
_PRESSURE = "/proc/pressure/memory"
_PRESSURE_MAX_PERCENT = 10.0
"""Share of the last ten seconds in which something stood still for want of memory."""


class PreparedCell:
    """A cell at its gate, and what it lives on."""

    def __init__(self, cell: Cell, resources: AsyncExitStack, usable_until_s: float = math.inf) -> None:
        """Own ``resources``, the cell's own end among them; it may wait until then (``time.monotonic``)."""
        self.cell = cell
        self._resources = resources
        self._usable_until_s = usable_until_s

    @cached_property
    def memory_bytes(self) -> int:
        """What it held at most by the time that this was asked for first; 0 where nobody counts."""
        counters = self.cell.counters()
        return (counters.memory_peak_bytes if counters else None) or 0

    @property
    def is_usable(self) -> bool:
        """Whether it still waits, and may."""
        return not self.cell.ended.is_set() and self.cell.failure is None and not self.is_too_old

    @property
    def is_too_old(self) -> bool:
        """Whether it is of an interpreter that should have been replaced meanwhile."""
        return time.monotonic() >= self._usable_until_s

    async def close(self) -> None:
        """End the cell, if it has not ended, and give back what it lived on."""
        await self._resources.aclose()


class _Demand:
    """What is known of one shape, and its cells that wait."""

    def __init__(self, asked_least: int = 1) -> None:
        self.cells: deque[PreparedCell] = deque()
        self.making_s = 0.02
        self.not_before_s = 0.0
        self.asked_least = asked_least
        self._asked = 0
        self._asked_s: deque[float] = deque(maxlen=256)

    def note(self, now_s: float) -> None:
        """Remember that one was asked for."""
        if self._is_forgotten(now_s):
            self._asked = 0
        self._asked += 1
        self._asked_s.append(now_s)

    def wanted(self, now_s: float) -> int:
        """Return how many should wait: one, and as many as are asked for while they are made."""
        if self._is_forgotten(now_s) or self._asked < self.asked_least or now_s < self.not_before_s:
            return 0
        while len(self._asked_s) > 1 and now_s - self._asked_s[0] > _RATE_WINDOW_S:
            self._asked_s.popleft()
        rate_per_s = (len(self._asked_s) - 1) / _RATE_WINDOW_S
        return 1 + math.ceil(2 * rate_per_s * self.making_s)

    def _is_forgotten(self, now_s: float) -> bool:
        return not self._asked_s or now_s - self._asked_s[-1] > _FORGET_S


class Pool:
    """The cells of one host that wait for a job."""

    def __init__(
        self, make: Callable[[CellShape], Awaitable[PreparedCell]], cells_max: int, fixed: int
    ) -> None:
        """Keep at most ``cells_max`` that ``make`` makes; of each shape ``fixed``, or by demand with 0."""
        self._make = make
        self._cells_max = cells_max
        self._fixed = fixed
        self._memory_max_bytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // _MEMORY_SHARE
        self._demands: OrderedDict[CellShape, _Demand] = OrderedDict()
        self._wake = asyncio.Event()
        self._running = 0
        self._calm = asyncio.Event()
        self._refilling: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def waiting(self) -> int:
        """How many wait now."""
        return sum(len(demand.cells) for demand in self._demands.values())

    @contextmanager
    def run(self) -> Iterator[None]:
        """Know of a run, for as long as it has its cell: a cell for the next one can wait for its end."""
        self._running += 1
        self._calm.clear()
        try:
            yield
        finally:
            self._running -= 1
            if not self._running:
                self._calm.set()

    def take(self, shape: CellShape) -> PreparedCell | None:
        """Return a cell of this shape that is the caller's from now on; ``None`` where none waits."""
        if not self._cells_max:
            return None
        demand = self._demands.setdefault(shape, _Demand(_BOOTS_AFTER if shape.boots else 1))
        self._demands.move_to_end(shape)
        demand.note(time.monotonic())
        self._wake.set()
        if self._refilling is None or self._refilling.done():
            self._refilling = asyncio.create_task(self._refill())
        while demand.cells:
            prepared = demand.cells.popleft()
            if prepared.is_usable:
                return prepared
            self._discard(prepared)
        return None

    async def make_ahead(self, shape: CellShape) -> None:
        """Have one more cell of this shape wait; returns when it does. Raises where it cannot be made."""
        demand = self._demands.setdefault(shape, _Demand())
        self._demands.move_to_end(shape)
        demand.asked_least = 1
        demand.note(time.monotonic())
        prepared = await self._make(shape)
        if self._demands.get(shape) is demand and self._has_room_for(shape):
            demand.cells.append(prepared)
        else:
            await prepared.close()

    def drop(self) -> None:
        """Let go of every cell that waits: what they are made from has changed."""
        for demand in self._demands.values():
            while demand.cells:
                self._discard(demand.cells.pop())
        self._demands.clear()

    async def close(self) -> None:
        """Stop making cells and end those that wait."""
        self._cells_max = 0
        if self._refilling is not None:
            self._refilling.cancel()
            await asyncio.gather(self._refilling, return_exceptions=True)
        self.drop()
        await asyncio.gather(*self._closing, return_exceptions=True)

    async def _refill(self) -> None:
        """Make one cell at a time where one is missing; let go of those that nobody asks for."""
        # Not until cancelled: before Python 3.12 wait_for loses a cancellation that comes with its result.
        while self._cells_max:
            self._shrink()
            shape = self._next_missing()
            if shape is None:
                self._wake.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), _TICK_S)
                continue
            if self._running == 1:  # somebody waits for its answer; with more of them there is no better time
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._calm.wait(), _HELD_BACK_S)
            await self._make_one(shape)

    async def _make_one(self, shape: CellShape) -> None:
        demand = self._demands.get(shape)
        if demand is None:  # dropped while a run was left alone
            return
        begun_s = time.monotonic()
        try:
            prepared = await self._make(shape)
        except (CellblockError, OSError) as error:
            # A run of this shape will meet the same, and say so; here it only must not be tried without end.
            log.info("no cell made ahead: %s", error)
            demand.not_before_s = begun_s + _RETRY_S
            return
        took_s = time.monotonic() - begun_s
        demand.making_s += (took_s - demand.making_s) / 4
        if self._demands.get(shape) is demand:
            demand.cells.append(prepared)
        else:
            self._discard(prepared)

    def _wanted(self, demand: _Demand, now_s: float) -> int:
        wanted = demand.wanted(now_s)
        return self._fixed if self._fixed and wanted else wanted

    def _next_missing(self) -> CellShape | None:
        """Return the shape asked for last that has too few cells; what was asked for before it makes room."""
        if _memory_is_short():
            return None
        now_s = time.monotonic()
        for shape, demand in reversed(self._demands.items()):
            if len(demand.cells) < self._wanted(demand, now_s):
                return shape if self._has_room_for(shape) else None
        return None

    def _has_room_for(self, wanted: CellShape) -> bool:
        """Say whether one more may wait, if need be instead of one of the oldest demand."""
        if self.waiting < self._cells_max and self._memory_bytes() < self._memory_max_bytes:
            return True
        for shape, demand in self._demands.items():
            if shape is wanted:
                return False
            if demand.cells:
                self._discard(demand.cells.popleft())
                return True
        return False

    def _memory_bytes(self) -> int:
        return sum(one.memory_bytes for demand in self._demands.values() for one in demand.cells)

    def _shrink(self) -> None:
        now_s = time.monotonic()
        short = _memory_is_short()
        while len(self._demands) > _SHAPES_MAX:
            _, demand = self._demands.popitem(last=False)
            for prepared in demand.cells:
                self._discard(prepared)
        for demand in self._demands.values():
            for prepared in [each for each in demand.cells if each.is_too_old]:
                demand.cells.remove(prepared)
                self._discard(prepared)
            while len(demand.cells) > (0 if short else self._wanted(demand, now_s)):
                self._discard(demand.cells.popleft())

    def _discard(self, prepared: PreparedCell) -> None:
        task = asyncio.create_task(prepared.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


def _memory_is_short() -> bool:
    """Say whether the host waits for memory; no where the kernel does not tell."""
    try:
        line = read_kernel_file(_PRESSURE).splitlines()[0]
    except (OSError, IndexError):
        return False
    return float(line.split("avg10=")[1].split()[0]) > _PRESSURE_MAX_PERCENT
