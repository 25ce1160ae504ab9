"""What a program reads from: a pipe, also with nothing to read, filled as fast as it is emptied."""

from __future__ import annotations

import asyncio
import os


class Stdin:
    """One program's, on the running loop."""

    def __init__(self, owner_uid: int) -> None:
        """Open the pipe; the program owns it, or it could not open it by name (``/dev/stdin``)."""
        self.read_fd, self._write_fd = os.pipe2(os.O_CLOEXEC)
        """The program's end, until ``close_read_end``; it blocks, as only ours does not."""
        os.fchown(self.read_fd, owner_uid, owner_uid)
        os.set_blocking(self._write_fd, False)  # the os API's own positional flag
        self._loop = asyncio.get_running_loop()
        self._unsent = memoryview(b"")

    def feed(self, content: bytes) -> None:
        """Write what the pipe takes, the rest when it takes more, then end it. A program need not read."""
        self._unsent = memoryview(content)
        self._write()

    def close_read_end(self) -> None:
        """Close what now belongs to the cell alone."""
        if self.read_fd >= 0:
            os.close(self.read_fd)
            self.read_fd = -1

    def close(self) -> None:
        """Write no more."""
        if self._write_fd >= 0:
            self._loop.remove_writer(self._write_fd)
            os.close(self._write_fd)
            self._write_fd = -1

    def _write(self) -> None:
        try:
            while self._unsent:
                self._unsent = self._unsent[os.write(self._write_fd, self._unsent) :]
        except BlockingIOError:
            self._loop.add_writer(self._write_fd, self._write)
            return
        except BrokenPipeError:
            pass
        self.close()
