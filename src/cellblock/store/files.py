"""The database's files: whether they may be opened, whether they are still in place, what ails them.

SQLite itself takes a log whose head is garbage for an empty one, begins a new database where one was
cut to nothing, and writes on into files that were deleted. In all three, what was accepted would be
lost without a word; so that is looked for here.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import struct
import tempfile
from pathlib import Path

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from cellblock.errors import StoreError

_WAL_HEADER = struct.Struct(">8I")
_WAL_MAGIC = 0x377F0682
"""Of a log whose checksums read words as little-endian; one more where they are big-endian."""
_WAL_FORMAT = 3007000
_NO_ROOM_BYTES = 64 * 1024
"""With less than this, a failure is put down to a full disk: files grow by up to as much at a time."""
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_OF_THE_DISK = {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}
"""What SQLite says of a disk that is full or read-only, where it meets that in its side files."""

Identity = tuple[tuple[int, int], ...]


class Files:
    """The database file and its write-ahead log."""

    def __init__(self, database: Path) -> None:
        """Look after ``database``; nothing is touched."""
        self.database = database
        self._log = database.with_name(f"{database.name}-wal")
        self._opened: Identity | None = None

    def refuse_remains(self) -> None:
        """Raise ``StoreError`` where opening would silently drop what the log has."""
        try:
            with self._log.open("rb") as log:
                header = log.read(_WAL_HEADER.size)
        except OSError:  # there is none, or opening the database will say what is wrong
            return
        if not any(header):  # empty, or its first commit never reached the disk
            return
        if not self.database.exists() or not self.database.stat().st_size:
            raise StoreError(
                f"the database {self.database} is gone, but {self._log} still has what was committed last: "
                f"restore a backup of both, or move {self._log} away to begin with an empty database",
                reason="the store is damaged",
            )
        if not _is_wal_header(header):
            raise StoreError(
                f"{self._log} is damaged: what was committed last cannot be read from it. Restore a backup "
                f"of it and of {self.database}, or move {self._log} away to go on without",
                reason="the store is damaged",
            )

    def note_opened(self) -> None:
        """Remember which files were opened; from now on ``require`` expects them."""
        self._opened = self._present()

    def require(self) -> None:
        """Raise ``StoreError`` where the opened files are no longer where the next start would look."""
        if self._opened is not None and self._present() != self._opened:
            raise StoreError(
                f"{self.database} or its log was deleted or replaced while it was in use: put the same files "
                f"back (until this process, pid {os.getpid()}, ends, /proc/{os.getpid()}/fd has their "
                "contents), or restart the service to use what is there",
                reason="the store's files are gone",
            )

    def has_room_for(self, size_bytes: int) -> bool:
        """Say whether the file system takes writes, as far as it tells, and has room for so many bytes."""
        try:
            disk = os.statvfs(self.database.parent)
        except OSError:
            return False
        free_bytes = disk.f_bavail * disk.f_frsize
        return not disk.f_flag & os.ST_RDONLY and free_bytes >= size_bytes + _NO_ROOM_BYTES

    def failure(self, what: str, error: SQLAlchemyError | sqlite3.Error) -> StoreError:
        """Return our error for the driver's: its reason without the statement, and what to do."""
        cause = error.orig if isinstance(error, DBAPIError) else error
        reason, remedy = self._diagnosis(getattr(cause, "sqlite_errorcode", 0) & 0xFF)
        return StoreError(f"{what}: {cause}; {remedy}", reason=reason)

    def _diagnosis(self, code: int) -> tuple[str, str]:
        """Return the reason as clients are told it, and what an operator does about it."""
        directory = self.database.parent
        if code in _DAMAGED:
            return "the store is damaged", (
                f"{self.database} is damaged: stop the service, keep a copy of it and of {self._log}, then "
                f"restore a backup, or save what can be read with `sqlite3 {self.database} .recover`, or "
                "move both away to begin with an empty database"
            )
        free_bytes = _free_bytes(directory)
        if code == sqlite3.SQLITE_FULL or (code in _OF_THE_DISK and free_bytes < _NO_ROOM_BYTES):
            return "the store's disk is full", f"free space on the disk of {directory}"
        if code == sqlite3.SQLITE_READONLY or (code in _OF_THE_DISK and _is_read_only(directory)):
            return "the store is read-only", f"make {directory} and the files in it writable"
        advice = f"check the data directory {directory}: its owner, its free space, its disk"
        return "the store cannot be reached", advice

    def _present(self) -> Identity | None:
        try:
            found = (self.database.stat(), self._log.stat())
        except OSError:
            return None
        return tuple((file.st_dev, file.st_ino) for file in found)


def _free_bytes(directory: Path) -> int:
    """Return how many bytes are free for us."""
    try:
        disk = os.statvfs(directory)
    except OSError:
        return _NO_ROOM_BYTES
    return disk.f_bavail * disk.f_frsize


def _is_read_only(directory: Path) -> bool:
    """Say whether the file system takes nothing; one that had an error says so only to who makes a file."""
    try:
        tempfile.TemporaryFile(dir=directory).close()
    except OSError as error:
        return error.errno == errno.EROFS
    return False


def _is_wal_header(header: bytes) -> bool:
    """Check what SQLite checks, as https://www.sqlite.org/fileformat2.html#the_write_ahead_log has it."""
    if len(header) < _WAL_HEADER.size:
        return False
    magic, version, *_, sum_1, sum_2 = _WAL_HEADER.unpack(header)
    if magic not in {_WAL_MAGIC, _WAL_MAGIC + 1} or version != _WAL_FORMAT:
        return False
    words = struct.unpack(">6I" if magic & 1 else "<6I", header[:24])
    first = second = 0
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return (first, second) == (sum_1, sum_2)
