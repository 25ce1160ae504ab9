"""Host-wide leases of uid ranges; a lease is also what makes an instance's names its own.

Two services and a test run may share a host. Each supervisor holds one block of uids by an
``flock`` on a file of ``/run/cellblock/leases``; the kernel lets go of it when the process is
gone, however it went. The block's first uid names the instance's cgroup subtree, so whoever
gets the lock may sweep what a dead holder of the same block left behind.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from cellblock.errors import HostError

if TYPE_CHECKING:
    from collections.abc import Iterator

LEASES = Path("/run/cellblock/leases")
"""One place for the whole host: two instances that did not see each other's locks could hold one block."""

BLOCK_SIZE = 128
"""Uids a block: two a cell, so an instance runs at most 64 cells at a time."""

_RESTING = BLOCK_SIZE // 8
"""How many of the free pairs rest, those that were given back last; where few are free, half of them."""


class CellUids(Struct, frozen=True):
    """The two users of one cell; each has a group of the same number."""

    init_uid: int
    program_uid: int


class UidBlock:
    """One leased block; hands out pairs to cells."""

    def __init__(self, first_uid: int, directory: Path, lock_fd: int, *, one_uid: bool = False) -> None:
        """Own the block that begins at ``first_uid`` while ``lock_fd``, its file in ``directory``, is open.

        With ``one_uid`` there is no user but root of our namespace: the block is a name only.
        """
        self.first_uid = first_uid
        self._one_uid = one_uid
        self.instance = f"u{first_uid}"
        self._directory = directory
        self._lock_fd = lock_fd
        pairs = (CellUids(uid, uid + 1) for uid in range(first_uid, first_uid + BLOCK_SIZE, 2))
        # As they were given back. A uid rests before it is seen again, by a kernel that may still clear up
        # after it. Which of the others is next is drawn: who got them in a row could count what was between.
        self._free = [CellUids(0, 0) if one_uid else pair for pair in pairs]

    @property
    def program_uids(self) -> list[int]:
        """Every uid besides root that a program of this instance may have."""
        if self._one_uid:
            return []
        return list(range(self.first_uid + 1, self.first_uid + BLOCK_SIZE, 2))

    @contextmanager
    def lease(self) -> Iterator[CellUids]:
        """Lend one pair; raises ``HostError`` where more cells are asked for than the block holds."""
        if not self._free:
            raise HostError(
                f"all {BLOCK_SIZE // 2} uid pairs of this instance are in use: lower the worker slots"
            )
        resting = min(_RESTING, len(self._free) // 2)
        uids = self._free.pop(secrets.randbelow(len(self._free) - resting))
        try:
            yield uids
        finally:
            self._free.append(uids)

    def close(self) -> None:
        """Give the block back."""
        _unlock(self._directory, self.first_uid, self._lock_fd)


def lease_directory(runtime_dir: Path) -> Path:
    """Return where this process takes its leases; an ordinary user has uids, and a place, of his own."""
    return LEASES if os.access(LEASES.parents[1], os.W_OK) else runtime_dir / LEASES.name


def lease_uid_block(
    first_uid: int, last_uid: int, directory: Path = LEASES, *, one_uid: bool = False
) -> UidBlock:
    """Lease a free block of ``first_uid..last_uid``; raises ``HostError`` where there is none."""
    try:
        directory.mkdir(mode=0o755, parents=True, exist_ok=True)
        return _first_free(first_uid, last_uid, directory, one_uid=one_uid)
    except OSError as error:
        raise HostError(
            f"cannot lease uids in {directory}: {error}; set CELLBLOCK_RUNTIME_DIR elsewhere, or run as root"
        ) from error


@contextmanager
def lease_of_the_dead(instance: str, directory: Path = LEASES) -> Iterator[bool]:
    """Say whether the instance of that name is dead, and keep anybody from taking its name meanwhile."""
    number = instance.removeprefix("u")
    is_ours = instance.startswith("u") and number.isascii() and number.isdigit()
    fd = _try_lock(directory, int(number)) if is_ours else None
    try:
        yield fd is not None
    finally:
        if fd is not None:
            _unlock(directory, int(number), fd)


def _path(directory: Path, start: int) -> Path:
    return directory / f"uids-{start}"


def _try_lock(directory: Path, start: int) -> int | None:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    while True:
        fd = os.open(_path(directory, start), flags, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return None
        # Whoever let go of it may have removed it after we opened it: then the lock is of a file of no name.
        if os.fstat(fd).st_nlink:
            return fd
        os.close(fd)


def _unlock(directory: Path, start: int, fd: int) -> None:
    """Let go of a lock; its file goes first, while nobody else can have it."""
    _path(directory, start).unlink(missing_ok=True)
    os.close(fd)


def _first_free(first_uid: int, last_uid: int, directory: Path, *, one_uid: bool) -> UidBlock:
    # At multiples of the size, so that instances with different ranges share whole blocks or none.
    aligned = -(-first_uid // BLOCK_SIZE) * BLOCK_SIZE
    for start in range(aligned, last_uid + 2 - BLOCK_SIZE, BLOCK_SIZE):
        fd = _try_lock(directory, start)
        if fd is not None:
            return UidBlock(start, directory, fd, one_uid=one_uid)
    raise HostError(
        f"no free block of {BLOCK_SIZE} uids in {first_uid}-{last_uid}: other instances hold them all, or "
        f"none fits, since each begins at a multiple of {BLOCK_SIZE}; widen CELLBLOCK_UID_RANGE"
    )
