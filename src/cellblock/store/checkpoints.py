"""Writing SQLite's log into the database, so that its space is used again, beside the commits.

While one connection writes, another may copy what was committed. What is committed meanwhile is left
to the writer, between two of its commits: only when all of the log is in the database does it begin anew.
"""

from __future__ import annotations

import sqlite3
import threading
from contextlib import suppress

CHECKPOINT = "PRAGMA wal_checkpoint(PASSIVE)"
"""As far as it goes without waiting for anybody; where another is being made, that is nowhere."""


class Checkpoints:
    """Makes one on a thread of its own whenever it is asked to."""

    def __init__(self) -> None:
        self.making = threading.Lock()
        """Held while one is made."""
        self._asked = threading.Event()
        self._closing = False
        self._made = False
        self._thread: threading.Thread | None = None

    def start(self, connection: sqlite3.Connection) -> None:
        """Begin to make them through ``connection``, which is closed at the end."""
        self._thread = threading.Thread(
            target=self._run, args=[connection], name="store-checkpoints", daemon=True
        )
        self._thread.start()

    def ask(self) -> None:
        """Have one made soon; asked for while one is being made, another follows."""
        self._asked.set()

    def take_made(self) -> bool:
        """Say whether one was made since this was last called."""
        made, self._made = self._made, False
        return made

    def close(self) -> None:
        """End the thread. Blocks until then."""
        self._closing = True
        self._asked.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self, connection: sqlite3.Connection) -> None:
        while True:
            self._asked.wait()
            self._asked.clear()
            if self._closing:
                break
            with self.making, suppress(sqlite3.Error):  # the log stays as it is, and grows until one succeeds
                connection.execute(CHECKPOINT).fetchall()
                self._made = True
        connection.close()
