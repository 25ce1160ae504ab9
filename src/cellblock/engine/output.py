"""Bounded collection of one output stream while the program runs."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable

_CHUNK_BYTES = 1 << 20


class OutputStream:
    """Reads a pipe up to a bound; what comes after is somebody else's to throw away."""

    def __init__(
        self, fd: int, limit_bytes: int, *, on_kept: Callable[[int], None], on_full: Callable[[], None]
    ) -> None:
        """Collect at most ``limit_bytes`` of ``fd``.

        ``on_kept`` is told how many bytes each chunk had; ``on_full`` is called once when more came.
        """
        self.truncated = False
        self.error: str | None = None
        """Why the stream could not be read to its end."""
        self.closed_ns: int | None = None
        """CLOCK_MONOTONIC when the last writer had closed it."""
        self._fd = fd
        self._limit_bytes = limit_bytes
        self._on_kept = on_kept
        self._on_full = on_full
        self._chunks: list[bytes] = []
        self._kept_bytes = 0
        self._loop = asyncio.get_running_loop()
        self._reading = False

    def start(self) -> None:
        """Begin to read as bytes come."""
        self._reading = True
        self._loop.add_reader(self._fd, self._on_readable)

    @property
    def content(self) -> bytes:
        """All that was kept."""
        return b"".join(self._chunks)

    def finish(self) -> None:
        """Take what is left in the pipe after every writer is gone."""
        while self._reading and self._read_once():
            pass
        if self._reading:
            self.error = "the stream was still open after every process had ended"
            self._stop()

    def _on_readable(self) -> None:
        self._read_once()

    def _read_once(self) -> bool:
        """Read one chunk; false when there is nothing more just now."""
        try:
            chunk = os.read(self._fd, min(_CHUNK_BYTES, self._limit_bytes - self._kept_bytes + 1))
        except BlockingIOError:
            return False
        except OSError as error:
            self.error = str(error)
            self._stop()
            return False
        if not chunk:
            self.closed_ns = time.monotonic_ns()
            self._stop()
            return False
        self._keep(chunk)
        return True

    def _keep(self, chunk: bytes) -> None:
        room = self._limit_bytes - self._kept_bytes
        self._chunks.append(chunk[:room])
        self._kept_bytes += min(len(chunk), room)
        self._on_kept(min(len(chunk), room))
        if len(chunk) > room:
            self.truncated = True
            self._stop()
            self._on_full()

    def _stop(self) -> None:
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._fd)
