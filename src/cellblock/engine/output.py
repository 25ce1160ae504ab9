"""Bounded collection of one output stream while the program runs."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable

_CHUNK_BYTES = 1 << 16
_SMALL_BYTES = 1 << 12
_PAUSE_S = 0.002
"""After a small read the next one waits this long: a program that writes byte by byte fills its pipe
meanwhile, and does not cost a wake-up here for each."""


class OutputStream:
    """Reads a pipe up to a bound; what comes after is somebody else's to throw away."""

    def __init__(
        self,
        fd: int,
        limit_bytes: int,
        *,
        on_kept: Callable[[int], None],
        on_full: Callable[[], None],
        program_lives: Callable[[], bool],
    ) -> None:
        """Collect at most ``limit_bytes`` of ``fd``.

        ``on_kept`` is told how many bytes each chunk had; ``on_full`` is called once when more came.
        ``program_lives`` is asked when the stream has no writer any more.
        """
        self.truncated = False
        self.error: str | None = None
        """Why the stream could not be read to its end."""
        self.closed_ns: int | None = None
        """CLOCK_MONOTONIC when the last writer had closed it for good and the program was seen to live."""
        self._fd = fd
        self._program_lives = program_lives
        self._limit_bytes = limit_bytes
        self._on_kept = on_kept
        self._on_full = on_full
        self._content: bytes | bytearray = bytearray()
        self._buffer = bytearray(_CHUNK_BYTES)
        self._loop = asyncio.get_running_loop()
        self._reading = False
        self._pause: asyncio.TimerHandle | None = None

    @property
    def content(self) -> bytes:
        """All that was kept; after ``finish`` one object, however often it is asked for."""
        return bytes(self._content)

    def start(self) -> None:
        """Begin to read as bytes come."""
        self._reading = True
        self._loop.add_reader(self._fd, self._on_readable)

    def stop(self) -> None:
        """Read nothing more."""
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._fd)
        if self._pause:
            self._pause.cancel()
            self._pause = None

    def finish(self) -> None:
        """Take what is left in the pipe after every process is dead.

        A pipe may still have a writer then (a descriptor on its way through a socket that nobody
        will read), or get one anew after it had none; what matters is that nothing more can come.
        """
        self.stop()
        while not (self.truncated or self.error) and self._read_once():
            pass
        self._content = bytes(self._content)  # of which bytes() makes no further copy
        # Who is told holds us in turn: all that was read would stay until the collector comes by.
        del self._on_kept, self._on_full, self._program_lives

    def _on_readable(self) -> None:
        before = len(self._content)
        if self._read_once() and len(self._content) - before < _SMALL_BYTES and self._reading:
            self._loop.remove_reader(self._fd)
            self._pause = self._loop.call_later(_PAUSE_S, self.start)

    def _read_once(self) -> bool:
        """Read one chunk; false when there is nothing more just now."""
        try:
            size = os.readv(self._fd, [self._buffer])
        except BlockingIOError:
            return False
        except OSError as error:
            self.error = str(error)
            self.stop()
            return False
        if size == 0:
            if self.closed_ns is None and self._program_lives():
                self.closed_ns = time.monotonic_ns()
            self.stop()
            return False
        self.closed_ns = None
        self._keep(size)
        return True

    def _keep(self, size: int) -> None:
        room = self._limit_bytes - len(self._content)
        self._content += memoryview(self._buffer)[: min(size, room)]
        self._on_kept(min(size, room))
        if size > room:
            self.truncated = True
            self.stop()
            self._on_full()
