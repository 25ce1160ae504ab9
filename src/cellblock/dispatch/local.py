"""The bounded queue between the doors where submissions come in and the worker that runs them.

Everything happens on the event loop's thread. Nobody polls: the worker is told when something
was put, and whoever waits for a result awaits the entry's future.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from cellblock.errors import RequestRefused
from cellblock.model import Job, Outcome, Record

RETRY_AFTER_S = 1


@dataclass(slots=True, eq=False)
class Waiting:
    """One submission on its way to a result. It is in the store before it is here."""

    record: Record
    job: Job | None
    """``None`` where the inputs are to be read from the store at the start."""
    starts: int
    """How often it was handed to a supervisor before."""
    finished: asyncio.Future[Record]
    """The final record; cancelled when the service stops before there is one."""

    @property
    def id(self) -> str:
        """Return the submission's id."""
        return self.record.id


@dataclass(slots=True, eq=False)
class Errand:
    """One run that leaves no record: its outcome is for whoever waits, and for nobody else."""

    job: Job
    finished: asyncio.Future[Outcome]
    """Cancelled when the service stops before there is one, and by a client that no longer waits."""
    starts: int = 0
    """As a submission's."""

    @property
    def id(self) -> str:
        """Return the job's id."""
        return self.job.id


class LocalQueue:
    """First in, first out; at most ``capacity`` new submissions and errands wait."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._waiting: deque[Waiting | Errand] = deque()
        self._reserved = 0
        self._on_put: Callable[[], None] = lambda: None

    @property
    def depth(self) -> int:
        """How many submissions and errands wait for a start."""
        return len(self._waiting)

    def on_put(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` after every ``put``."""
        self._on_put = callback

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place while a submission is being written to the store.

        Raises ``RequestRefused`` (503) when there is none, so that nothing need be taken back.
        """
        self._require_place()
        self._reserved += 1
        try:
            yield
        finally:
            self._reserved -= 1

    def put(self, record: Record, job: Job | None, *, starts: int = 0) -> Waiting:
        """Append a submission, whose place was held or that comes from the store at start-up."""
        waiting = Waiting(record, job, starts, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._on_put()
        return waiting

    def put_errand(self, job: Job) -> Errand:
        """Append a run without a record; raises ``RequestRefused`` (503) when there is no place."""
        self._require_place()
        errand = Errand(job, asyncio.get_running_loop().create_future())
        self._waiting.append(errand)
        self._on_put()
        return errand

    def withdraw(self, errand: Errand) -> None:
        """Give an errand up, wherever it is; does nothing where it is finished."""
        if errand.finished.cancel():
            with suppress(ValueError):  # it has been taken, and whoever took it sees the cancellation
                self._waiting.remove(errand)

    def put_back(self, entry: Waiting | Errand) -> None:
        """Return to the head what was taken but could not be started."""
        if not entry.finished.cancelled():
            self._waiting.appendleft(entry)

    def take(self) -> Waiting | Errand | None:
        """Return the oldest entry, ``None`` when none waits."""
        return self._waiting.popleft() if self._waiting else None

    def abandon(self) -> None:
        """Let go of all that waits: submissions stay in the store, and waiters are told by cancellation."""
        while self._waiting:
            self._waiting.popleft().finished.cancel()

    def _require_place(self) -> None:
        if len(self._waiting) + self._reserved >= self._capacity:
            raise RequestRefused(503, "queue full, try again later", retry_after_s=RETRY_AFTER_S)
