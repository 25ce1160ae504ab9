"""A run that cannot be watched any more ends as our failure."""

from __future__ import annotations

import asyncio
import errno
import os

import msgspec
import pytest

from cellblock.engine.watch import Watch
from cellblock.errors import SandboxError
from cellblock.sandbox.probe import PROBE
from cellblock.verdict.judge import KILLED_FOR_WALL

SPEC = msgspec.structs.replace(PROBE, limits=msgspec.structs.replace(PROBE.limits, cpu_ms=100, wall_ms=100))
LOOKS = ("cpu_usage_usec", "socket_bytes", "tcp_sockets", "living_processes")


class StandIn:
    """A cell whose program goes on for ever; what is looked at can come to fail."""

    def __init__(self):
        self.stdout_fd, self._stdout = os.pipe()
        self.stderr_fd, self._stderr = os.pipe()
        self.failure = self.exited = self.stopped_by_filter = None
        self.ended = asyncio.Event()
        self.on_event = lambda: None
        self.released_ns = 0
        self.failing = {}
        """By look: how many are well before it fails, and with what."""

    def close(self):
        for fd in (self.stdout_fd, self._stdout, self.stderr_fd, self._stderr):
            os.close(fd)

    def __getattr__(self, name):
        assert name in LOOKS
        return lambda: self._look(name)

    def _look(self, name):
        if name in self.failing:
            left, error = self.failing[name]
            if left == 0:
                raise error
            self.failing[name] = left - 1, error
        return 0

    def release(self, spec):
        pass

    def hear(self):
        pass

    def kill(self):
        pass

    def program_lives(self):
        return True


@pytest.mark.parametrize("error", [OSError(errno.EIO, "no more"), ValueError("no number")])
@pytest.mark.parametrize(
    ("look", "well"),
    [
        *((look, well) for look in ("cpu_usage_usec", "socket_bytes", "tcp_sockets") for well in (0, 1)),
        ("living_processes", 0),
    ],
)
def test_a_look_that_fails_ends_the_run_as_our_failure(look, well, error):
    """The first, a later one, and that which comes with the kill at the wall limit."""

    async def watched():
        loop = asyncio.get_running_loop()
        unheard = []
        loop.set_exception_handler(lambda _, context: unheard.append(context))
        cell = StandIn()
        cell.failing[look] = well, error
        try:
            with pytest.raises(SandboxError, match=str(error.args[-1])):
                await asyncio.wait_for(Watch(cell, SPEC).run(), 5)
            assert cell.on_event() is None
            assert not hasattr(cell.on_event, "__self__")
            assert [fd for fd in (cell.stdout_fd, cell.stderr_fd) if loop.remove_reader(fd)] == []
            assert [handle for handle in loop._scheduled if not handle.cancelled()] == []
        finally:
            cell.close()
        assert unheard == []

    asyncio.run(watched())


def test_a_look_that_fails_when_the_program_has_ended_changes_nothing():
    """Whether it had ended is what its init has said by then, heard or not."""

    async def failed(cell):
        watch = Watch(cell, SPEC)
        watch._look(cell.cpu_usage_usec)
        return cell.failure

    class Ending(StandIn):
        def hear(self):
            self.exited = object()
            self.on_event()

    for kind, fails in ((StandIn, True), (Ending, False)):
        cell = kind()
        cell.failing["cpu_usage_usec"] = 0, OSError(errno.EMFILE, "too many")
        try:
            assert (asyncio.run(failed(cell)) is not None) is fails
        finally:
            cell.close()


def test_what_a_run_was_ended_for_stands_whatever_cannot_be_seen_later():
    async def ended(cell):
        watch = Watch(cell, SPEC)
        watch._look_after("cpu", 0, watch._check_cpu)
        watch._kill(KILLED_FOR_WALL)
        await asyncio.sleep(0.01)
        return watch._killed_for, cell.failure

    cell = StandIn()
    cell.failing["cpu_usage_usec"] = 0, OSError(errno.EMFILE, "too many")
    try:
        assert asyncio.run(ended(cell)) == (KILLED_FOR_WALL, None)
    finally:
        cell.close()
