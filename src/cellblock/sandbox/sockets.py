"""How many TCP sockets a cell's network has, from its ``/proc/net/sockstat``."""

from __future__ import annotations

import os
import re
from contextlib import suppress

_FILE, _FILE_OF_IPV6 = "sockstat", "sockstat6"
_IN_USE = re.compile(rb"^TCP6?: inuse (\d+)", re.MULTILINE)
_LINES_BYTES = 1024


class SocketCounts:
    """Counts of one network, which lives at least until they are closed.

    The kernel counts whatever is connected or listens: what nobody has accepted, and what no process has
    any more, too. Both hold memory that it charges to no group.
    """

    def __init__(self, pid: int) -> None:
        """Open them for the network of a process; raises ``OSError``, where it is gone, too."""
        self._fds: list[int] = []
        try:
            self._fds.append(_open(pid, _FILE))
            with suppress(
                FileNotFoundError
            ):  # a kernel without IPv6, or where it is off, has no sockets of it
                self._fds.append(_open(pid, _FILE_OF_IPV6))
        except OSError:
            self.close()
            raise

    def tcp(self) -> int:
        """Return how many there are of both versions; takes about 4 µs."""
        texts = (os.pread(fd, _LINES_BYTES, 0) for fd in self._fds)
        return sum(int(found[1]) for text in texts if (found := _IN_USE.search(text)))

    def close(self) -> None:
        """Let the network go."""
        for fd in self._fds:
            os.close(fd)
        self._fds.clear()


def _open(pid: int, name: str) -> int:
    return os.open(f"/proc/{pid}/net/{name}", os.O_RDONLY | os.O_CLOEXEC)
