"""Watching one released cell: output, wall clock, CPU, and the end of everything in it."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from functools import partial

from msgspec import Struct

from cellblock.engine.output import OutputStream
from cellblock.errors import CellLostError, SandboxError
from cellblock.model import JudgeAction, Limits
from cellblock.sandbox.cell import Cell
from cellblock.sandbox.cgroups import Counters
from cellblock.sandbox.shapes import CellSpec
from cellblock.verdict.judge import KILLED_BY_FILTER, KILLED_FOR_CPU, KILLED_FOR_SOCKETS, KILLED_FOR_WALL

_NS_PER_MS = 1_000_000
_SHORTEST_PAUSE_S = 0.005
_SOCKETS_BYTES = 32 << 20
"""Of what waits in TCP and UDP: all of the machine have one pool. Hundreds of full TCP sockets of a cell's
network hold less. UDP has no such small ones: some 150 receive buffers of 212992 bytes are as much."""
_SOCKETS_MOST = 1024
"""TCP sockets of a cell's network. What waits where nobody has accepted, 128 KiB each, no group counts."""
_SOCKETS_BYTES_PER_S = 2 << 30
"""How fast they are filled, at most."""


class Observed(Struct, frozen=True, kw_only=True):
    """What was seen of one run, before anything is concluded from it."""

    stdout: OutputStream
    stderr: OutputStream
    killed_for: str | None
    """The first reason for which we ended it; ``None`` where it ended by itself."""
    wall_ns: int
    """From the opening of the gate to the program's end, or to our kill."""
    ended_ns: int
    """CLOCK_MONOTONIC of that end."""
    descendants: int | None
    """Processes besides the program's own that had to be ended; ``None`` where they could not be counted."""
    counters: Counters | None
    cpu_usage_usec: int | None
    actions: tuple[JudgeAction, ...]
    output_order: tuple[tuple[int, int], ...]
    """Which stream (1 or 2) gave how many bytes, in the order of arrival."""


class Watch:
    """One run from gate to silence."""

    def __init__(self, cell: Cell, spec: CellSpec) -> None:
        """Run ``spec`` in ``cell``, which still waits at its gate."""
        self._cell = cell
        self._spec = spec
        self._limits: Limits = spec.limits
        self._loop = asyncio.get_running_loop()
        self._over = asyncio.Event()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._actions: list[JudgeAction] = []
        self._killed_for: str | None = None
        self._killed_ns = 0
        self._descendants: int | None = None
        self._output_order: list[tuple[int, int]] = []
        self.stdout = self._stream(cell.stdout_fd, 1, "stdout")
        self.stderr = self._stream(cell.stderr_fd, 2, "stderr")
        cell.on_event = self._on_event

    async def run(self) -> Observed:
        """Open the gate and return when every process is dead and every byte is read.

        Raises ``SandboxError`` where the program could not be executed, would not end or cannot be watched.
        """
        try:
            return await self._run()
        finally:
            # Where it was not seen through: the loop must not read from who has these descriptors next.
            self.stdout.stop()
            self.stderr.stop()

    async def _run(self) -> Observed:
        try:
            self.stdout.start()
            self.stderr.start()
            self._cell.release(self._spec)
            self._look_after("wall", self._limits.wall_ms / 1000, partial(self._kill, KILLED_FOR_WALL))
            self._look(self._check_cpu)
            self._look(self._check_sockets)
            await self._over.wait()
        finally:
            for timer in self._timers.values():
                timer.cancel()
            self._cell.on_event = lambda: None  # it would hold us, and with us the output, for the collector
        if self._cell.failure:
            raise self._cell.failure
        self._end_rest()
        await self._cell.wait_ended()
        self._mind_filter()
        if not (self._cell.exited or self._killed_for):
            raise CellLostError(
                "watch", detail="the cell ended without a word: its init or spawner was killed"
            )
        self.stdout.finish()
        self.stderr.finish()
        counters = self._cell.counters()
        if counters and counters.memory_limit_met is False and not self._killed_for:
            raise CellLostError(
                "watch", detail="the host ran out of memory, and the kernel ended a program within its limit"
            )
        ended_ns = self._ended_ns()
        return Observed(
            stdout=self.stdout,
            stderr=self.stderr,
            killed_for=self._killed_for,
            wall_ns=max(0, ended_ns - self._started_ns()),
            ended_ns=ended_ns,
            descendants=self._descendants,
            counters=counters,
            cpu_usage_usec=self._cell.cpu_usage_usec(),
            actions=tuple(self._actions),
            output_order=tuple(self._output_order),
        )

    def _stream(self, fd: int, number: int, name: str) -> OutputStream:
        def on_kept(size: int) -> None:
            order = self._output_order
            if order and order[-1][0] == number:
                size += order.pop()[1]
            order.append((number, size))

        def on_full() -> None:
            self._note("drain", f"{name} is longer than {self._limits.output_bytes} bytes")
            self._cell.drain(fd)

        return OutputStream(
            fd,
            self._limits.output_bytes,
            on_kept=on_kept,
            on_full=on_full,
            program_lives=self._cell.program_lives,
        )

    def _on_event(self) -> None:
        cell = self._cell
        if cell.exited or cell.stopped_by_filter or cell.failure or cell.ended.is_set():
            self._over.set()

    def _look(self, look: Callable[[], None]) -> None:
        """Have a look; where that cannot be done, it ends as our failure: no run goes on unwatched."""
        try:
            look()
        except SandboxError as error:
            self._fail(error)
        except (OSError, ValueError) as error:
            self._fail(SandboxError("watch", getattr(error, "errno", None) or 0, str(error)))

    def _fail(self, error: SandboxError) -> None:
        self._cell.hear()
        if self._over.is_set():  # the program had ended before anything was missed
            return
        self._cell.failure = self._cell.failure or error
        self._over.set()

    def _look_after(self, name: str, wait_s: float, look: Callable[[], None]) -> None:
        self._timers[name] = self._loop.call_later(wait_s, self._look, look)

    def _check_cpu(self) -> None:
        """Kill at the limit, else look again when all cores together could first have reached it."""
        used_usec = self._cell.cpu_usage_usec()
        if used_usec is None:  # permissive mode without the counter: RLIMIT_CPU is left
            return
        left_s = self._limits.cpu_ms / 1000 - used_usec / 1_000_000
        if left_s <= 0:
            self._kill(KILLED_FOR_CPU)
            return
        wait_s = max(left_s / (os.cpu_count() or 1), _SHORTEST_PAUSE_S)
        self._look_after("cpu", wait_s, self._check_cpu)

    def _check_sockets(self) -> None:
        """Kill where too much waits or they are too many, else look again when so much could first wait."""
        held, sockets = self._cell.socket_bytes(), self._cell.tcp_sockets()
        if held is None and sockets is None:
            return
        if (held or 0) > _SOCKETS_BYTES or (sockets or 0) > _SOCKETS_MOST:
            self._kill(KILLED_FOR_SOCKETS)
            return
        wait_s = max((_SOCKETS_BYTES - (held or 0)) / _SOCKETS_BYTES_PER_S, _SHORTEST_PAUSE_S)
        self._look_after("sockets", wait_s, self._check_sockets)

    def _kill(self, reason: str) -> None:
        """End the cell for a limit, unless it has ended by itself, of which we may not have heard yet."""
        self._cell.hear()
        if self._over.is_set() or self._killed_for:
            return
        self._killed_ns = time.monotonic_ns()
        self._killed_for = reason
        self._note("kill", reason)
        self._count_descendants(besides=1)
        self._cell.kill()
        for timer in self._timers.values():  # what it was ended for stands, whatever could be seen later
            timer.cancel()

    def _end_rest(self) -> None:
        """End what is there after the program itself: its orphans, a call that the filter stopped, init."""
        if self._cell.stopped_by_filter and not self._killed_for:
            self._count_descendants(besides=1)
        elif self._cell.exited and not self._killed_for:
            self._count_descendants(besides=0)
            if self._descendants:
                self._note("kill", f"{self._descendants} processes outlived the program")
            if self._descendants is not None:
                self._descendants += self._cell.exited.reaped
        self._cell.kill()

    def _mind_filter(self) -> None:
        """A forbidden call decides the run, also one that a descendant made while the program ended."""
        if self._cell.stopped_by_filter and not self._killed_for:
            self._killed_for = KILLED_BY_FILTER
            self._note("kill", KILLED_BY_FILTER)

    def _count_descendants(self, *, besides: int) -> None:
        living = self._cell.living_processes()
        self._descendants = None if living is None else max(0, living - besides)

    def _note(self, action: str, reason: str) -> None:
        at_ms = (time.monotonic_ns() - self._cell.released_ns) // _NS_PER_MS
        self._actions.append(JudgeAction(action=action, reason=reason, at_ms=at_ms))

    def _started_ns(self) -> int:
        told = self._cell.stopped_by_filter or self._cell.exited
        return told.start_ns if told and told.start_ns else self._cell.released_ns

    def _ended_ns(self) -> int:
        if self._killed_ns:
            return self._killed_ns
        told = self._cell.stopped_by_filter or self._cell.exited
        return told.end_ns if told else time.monotonic_ns()
