"""Interpreters in use are kept in memory, on our account.

The pages of a file belong to the cgroup that first reads them. Where the kernel has thrown a large
interpreter out, the next cell reads it in on its own account; at its memory limit it throws those pages
out and reads them again, over and over, and runs out of time where it should run out of memory. Pages
that are locked stay, and are nobody's but ours.
"""

from __future__ import annotations

import asyncio
import ctypes
import mmap
from pathlib import Path

_IDLE_S = 300.0
"""How long after its last run an interpreter stays."""
_PIECE_BYTES = 1 << 20
"""Read and locked in one go: what else happens here waits for no more than that."""

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
_libc.mlock.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
_libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
_MAP_FAILED = ctypes.c_void_p(-1).value


class ResidentFile:
    """One file, locked in memory from ``hold`` until it has not been used for a while."""

    def __init__(self, path: Path) -> None:
        """Know the file; nothing is read before ``hold``."""
        self._path = path
        self._address: int | None = None
        self._size_bytes = 0
        self._ready: asyncio.Event | None = None
        self._release: asyncio.TimerHandle | None = None

    async def hold(self) -> None:
        """Return once the file is in memory, which takes no time where it is held already.

        Where it cannot be mapped or locked (without the right to, beyond RLIMIT_MEMLOCK), it is left alone.
        """
        if self._release is not None:
            self._release.cancel()
        self._release = asyncio.get_running_loop().call_later(_IDLE_S, self.close)
        ready = self._ready
        if ready is not None:
            await ready.wait()
            return
        ready = self._ready = asyncio.Event()
        try:
            await self._lock_in()
        finally:
            ready.set()

    def close(self) -> None:
        """Let go of the file; the kernel may throw it out again."""
        if self._release is not None:
            self._release.cancel()
        if self._address is not None:
            _libc.munmap(self._address, self._size_bytes)
        self._address = self._ready = self._release = None

    async def _lock_in(self) -> None:
        try:
            with self._path.open("rb") as file:
                size = self._size_bytes = self._path.stat().st_size
                address = _libc.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, file.fileno(), 0)
        except OSError:
            return
        if address == _MAP_FAILED:
            return
        self._address = address
        for offset in range(0, size, _PIECE_BYTES):
            piece = min(_PIECE_BYTES, size - offset)
            if self._address is None or _libc.mlock(address + offset, piece) != 0:
                return
            await asyncio.sleep(0)
