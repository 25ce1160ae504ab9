"""Log lines on their way to a descriptor: one by one, or those of 50 ms together.

A write gives the interpreter lock away, and the thread that writes the store takes it: a write for
each request cost a tenth of all requests. What cannot be written (a full disk, nobody at the other
end of a pipe) is dropped: a log costs no result.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_GATHERED_S = 0.05
_GATHERED_MOST = 4096
"""Lines. Beyond, whoever has one more waits until they are written: somebody reads too slowly."""


class LogLines:
    """Takes whole lines from any thread, and writes them in the order in which they came."""

    def __init__(self, descriptor: int | None) -> None:
        """Write to ``descriptor``; to nowhere without one."""
        self._descriptor = descriptor
        self._lines: deque[str] = deque()
        self._writing = threading.Lock()
        self._torn = False
        self._gathering = False
        self._something = threading.Event()
        self._over = threading.Event()

    def put(self, line: str) -> None:
        """Take a line that may wait for others."""
        self._lines.append(line)
        if not self._gathering or len(self._lines) > _GATHERED_MOST:
            self.flush()
        elif not self._something.is_set():
            self._something.set()

    def put_now(self, line: str) -> None:
        """Take a line that is to be read at once, with all before it."""
        self._lines.append(line)
        self.flush()

    def flush(self) -> None:
        """Write what there is."""
        with self._writing:
            lines = [self._lines.popleft() for _ in range(len(self._lines))]
            if lines and self._descriptor is not None:
                self._write(self._descriptor, "\n".join((*lines, "")).encode("utf-8", "backslashreplace"))

    @contextmanager
    def together(self) -> Iterator[None]:
        """Write what comes within 50 ms together, on a thread; at the end of the block nothing is left."""
        thread = threading.Thread(target=self._write_what_comes, name="log", daemon=True)
        self._gathering = True
        thread.start()
        try:
            yield
        finally:
            self._gathering = False
            self._over.set()
            self._something.set()
            thread.join()
            self.flush()

    def _write_what_comes(self) -> None:
        while not self._over.is_set():
            self._something.wait()
            self._over.wait(_GATHERED_S)
            self._something.clear()
            self.flush()

    def _write(self, descriptor: int, text: bytes) -> None:
        """Write all of it, or drop the rest; a line that is torn so is ended before the next."""
        if self._torn:
            text = b"\n" + text
        written = 0
        with suppress(OSError):
            while written < len(text):
                written += os.write(descriptor, memoryview(text)[written:])
        if written:
            self._torn = text[written - 1 : written] != b"\n"
