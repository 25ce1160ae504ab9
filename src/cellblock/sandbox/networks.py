"""The kernel's settings of networks, for inits to set those of their cell's own by."""

from __future__ import annotations

import os
from pathlib import Path

from cellblock.model import Remedy
from cellblock.sandbox.detached import mount_detached
from cellblock.sandbox.surroundings import what_opens_switches

STEP = "socket_buffers"
"""The step of an init that needs them."""

_SETTINGS = Path("/proc/sys/net")


class NetworkSettings:
    """A descriptor of their directory: what is opened below it is of the network of who opens it."""

    def __init__(self) -> None:
        """Open it, by a ``/proc`` of our own where the one that there is may not be written to."""
        self.fd = -1
        self._why_not = ""
        try:
            self.fd = _open()
        except OSError as error:
            self._why_not = f"{_SETTINGS} cannot be had: {error.strerror}"

    def give_up(self, why: str) -> None:
        """Have cells go on without: it was tried, and does not work here."""
        self.close()
        self._why_not = why

    def report(self) -> Remedy:
        """Say whether what waits in a TCP socket of a cell is kept small."""
        works = self.fd >= 0
        return Remedy(
            feature="socket buffers",
            ok=works,
            detail="small in a cell's own network" if works else f"as large as the host's: {self._why_not}",
            remedy="" if works else what_opens_switches(),
            required=False,
        )

    def close(self) -> None:
        """Let go of the descriptor."""
        if self.fd >= 0:
            os.close(self.fd)
        self.fd = -1


def _open() -> int:
    if not os.statvfs(_SETTINGS).f_flag & os.ST_RDONLY:
        return os.open(_SETTINGS, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    mount_fd = mount_detached("proc", {})
    try:
        return os.open("sys/net", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=mount_fd)
    finally:
        os.close(mount_fd)
