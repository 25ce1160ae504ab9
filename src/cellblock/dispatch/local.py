"""The bounded queue between the doors where submissions come in and the worker that runs them.

Everything happens on the event loop's thread. Nobody polls: the worker is told when something
was put, and whoever waits for a result awaits the entry's future.

What waits stands in one line for each API key (a *scope*; without keys there is one), and the lines
take turns: who sends a thousand submissions waits for them, and nobody else does.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from cellblock.errors import RequestRefused
from cellblock.model import Job, Outcome, Record

RETRY_AFTER_S = 1
_ERRANDS_MAX_BYTES = 256 * 1024 * 1024
"""Of programs that wait and stand in no store; a submission that waits is read back from there."""


@dataclass(slots=True, eq=False)
class Waiting:
    """One submission on its way to a result. It is in the store, or on its way there."""

    record: Record
    job: Job | None
    """``None`` where the inputs are to be read from the store at the start."""
    starts: int
    """How often it was handed to a supervisor before."""
    scope: str = ""
    """The API key that it belongs to, by its id; empty without one."""
    queued_at_s: float = field(default_factory=time.monotonic)
    kept: asyncio.Future[str] | None = None
    """The writing of its row, where it was queued meanwhile. If that fails it was never accepted: whoever
    waits for ``finished`` gets the failure, and what became of it is not kept."""
    ended_at_s: float | None = None
    """When there was a result, by the monotonic clock."""
    _ended: asyncio.Future[Record] | None = None
    _finished: asyncio.Future[Record] | None = None

    @property
    def ended(self) -> asyncio.Future[Record]:
        """What ``finished`` is going to be, as soon as that is known; it may not be on disk yet."""
        if self._ended is None:
            self._ended = asyncio.get_running_loop().create_future()
        return self._ended

    @property
    def finished(self) -> asyncio.Future[Record]:
        """The final record, which is on disk; cancelled when the service stops before there is one.

        Made when it is first asked for: nobody awaits most of a long queue.
        """
        if self._finished is None:
            self._finished = asyncio.get_running_loop().create_future()
        return self._finished

    @property
    def id(self) -> str:
        """Return the submission's id."""
        return self.record.id

    @property
    def is_refused(self) -> bool:
        """Whether its row could not be written."""
        kept = self.kept
        return kept is not None and kept.done() and (kept.cancelled() or kept.exception() is not None)

    def keep(self, kept: asyncio.Future[str]) -> None:
        """Know of the writing of its row, which has just begun."""
        self.kept = kept
        kept.add_done_callback(self._refuse_unkept)

    def _refuse_unkept(self, kept: asyncio.Future[str]) -> None:
        """Tell who waits, where the row could not be written."""
        if self.is_refused and not self.finished.done():
            self.finished.set_exception(kept.exception() or asyncio.CancelledError())
            self.finished.exception()  # whoever waits gets it; if nobody does, nothing is lost


@dataclass(slots=True, eq=False)
class Errand:
    """One run that leaves no record: its outcome is for whoever waits, and for nobody else."""

    job: Job
    finished: asyncio.Future[Outcome]
    """Cancelled when the service stops before there is one, and by a client that no longer waits."""
    scope: str = ""
    """As a submission's."""
    starts: int = 0
    """As a submission's."""
    queued_at_s: float = field(default_factory=time.monotonic)
    ended_at_s: float | None = None
    """As a submission's."""

    @property
    def id(self) -> str:
        """Return the job's id."""
        return self.job.id

    @property
    def size_bytes(self) -> int:
        """How much memory it holds while it waits."""
        return len(self.job.stdin) + sum(len(file.content) for file in self.job.files)


Entry = Waiting | Errand


class _Line:
    """What waits of one scope: first in, first out, but errands may go ahead of submissions."""

    __slots__ = ("_errands", "_submissions")

    def __init__(self) -> None:
        self._errands: deque[Errand] = deque()
        self._submissions: deque[Waiting] = deque()

    def __len__(self) -> int:
        return len(self._errands) + len(self._submissions)

    def __iter__(self) -> Iterator[Entry]:
        yield from self._errands
        yield from self._submissions

    def append(self, entry: Entry) -> None:
        if isinstance(entry, Errand):
            self._errands.append(entry)
        else:
            self._submissions.append(entry)

    def appendleft(self, entry: Entry) -> None:
        if isinstance(entry, Errand):
            self._errands.appendleft(entry)
        else:
            self._submissions.appendleft(entry)

    def remove(self, errand: Errand) -> None:
        self._errands.remove(errand)

    def popleft(self, *, errands_only: bool) -> Entry | None:
        if not self._errands:
            return None if errands_only else self._submissions.popleft()
        if errands_only or not self._submissions:
            return self._errands.popleft()
        errand_is_first = self._errands[0].queued_at_s < self._submissions[0].queued_at_s
        return self._errands.popleft() if errand_is_first else self._submissions.popleft()


class LocalQueue:
    """First in, first out within a scope; scopes take turns.

    At most ``capacity`` new submissions and errands wait, but a scope that has fewer than its even
    share of them always finds a place. The same holds for ``errands_max_bytes``, what errands that wait
    may hold in memory. ``running_max`` says how many of a scope may run at a time.
    """

    def __init__(
        self,
        capacity: int,
        running_max: Callable[[str], int | None] = lambda _: None,
        *,
        errands_max_bytes: int = _ERRANDS_MAX_BYTES,
    ) -> None:
        self._capacity = capacity
        self._errands_max_bytes = errands_max_bytes
        self._held_bytes: Counter[str] = Counter()
        self._running_max = running_max
        self._lines: dict[str, _Line] = {}
        # Scopes with something to run, the next one first; those at their maximum are not here.
        self._turns: OrderedDict[str, None] = OrderedDict()
        self._running: Counter[str] = Counter()
        self._reserved: Counter[str] = Counter()
        self._reserved_in_all = 0
        self._depth = 0
        self._on_put: Callable[[], None] = lambda: None

    @property
    def capacity(self) -> int:
        """How many may wait."""
        return self._capacity

    @property
    def depth(self) -> int:
        """How many submissions and errands wait for a start."""
        return self._depth

    def on_put(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` after every ``put``."""
        self._on_put = callback

    @contextmanager
    def place(self, scope: str = "") -> Iterator[None]:
        """Hold a place while a submission is being written to the store.

        Raises ``RequestRefused`` (503) when there is none, so that nothing need be taken back.
        """
        self._require_place(scope)
        self._reserved[scope] += 1
        self._reserved_in_all += 1
        try:
            yield
        finally:
            self._reserved_in_all -= 1
            _count_down(self._reserved, scope)

    def put(self, record: Record, job: Job | None, *, starts: int = 0, scope: str = "") -> Waiting:
        """Append a submission, whose place was held or that comes from the store at start-up."""
        waiting = Waiting(record, job, starts, scope)
        self._append(waiting)
        return waiting

    def put_errand(self, job: Job, scope: str = "") -> Errand:
        """Append a run without a record; raises ``RequestRefused`` (503) when there is no place."""
        self._require_place(scope)
        errand = Errand(job, asyncio.get_running_loop().create_future(), scope)
        self._require_memory(errand)
        self._append(errand)
        return errand

    def withdraw(self, errand: Errand) -> None:
        """Give an errand up, wherever it is; does nothing where it is finished."""
        if errand.finished.cancel() and (line := self._lines.get(errand.scope)):
            with suppress(ValueError):  # it has been taken, and whoever took it sees the cancellation
                line.remove(errand)
                self._left(errand)

    def take(self, *, errands_only: bool = False) -> Entry | None:
        """Return the oldest entry of the scope whose turn it is, ``None`` when none may run.

        It counts as running until it is given to ``release``. With ``errands_only`` submissions stay
        where they are.
        """
        passed_over = []
        taken = None
        while self._turns and taken is None:
            scope, _ = self._turns.popitem(last=False)
            most = self._running_max(scope)
            if most is not None and self._running[scope] >= most:
                continue  # back in turn with the next release
            taken = self._lines[scope].popleft(errands_only=errands_only)
            if taken is None:
                passed_over.append(scope)
                continue
            self._turns[scope] = None
            self._left(taken)
            self._running[scope] += 1
        for scope in reversed(passed_over):  # whose turn it was, it still is
            self._turns[scope] = None
            self._turns.move_to_end(scope, last=False)
        return taken

    def put_back(self, entry: Entry) -> None:
        """Return to the head what was taken but could not be started; it is still to be released."""
        if not entry.finished.done():
            self._lines.setdefault(entry.scope, _Line()).appendleft(entry)
            self._joined(entry)
            self._turns[entry.scope] = None
            self._turns.move_to_end(entry.scope, last=False)

    def release(self, entry: Entry) -> None:
        """Note that what was taken runs no more."""
        _count_down(self._running, entry.scope)
        if entry.scope in self._lines:
            self._turns.setdefault(entry.scope)

    def abandon(self) -> None:
        """Let go of all that waits: submissions stay in the store, and waiters are told by cancellation."""
        lines, self._lines = self._lines, {}
        self._turns.clear()
        self._depth = 0
        self._held_bytes.clear()
        for line in lines.values():
            for entry in line:
                entry.finished.cancel()

    def _append(self, entry: Entry) -> None:
        if entry.scope not in self._lines:
            self._lines[entry.scope] = _Line()
            self._turns[entry.scope] = None
        self._lines[entry.scope].append(entry)
        self._joined(entry)
        self._on_put()

    def _joined(self, entry: Entry) -> None:
        """Count one more in a line."""
        self._depth += 1
        if isinstance(entry, Errand):
            self._held_bytes[entry.scope] += entry.size_bytes

    def _left(self, entry: Entry) -> None:
        """Count one less in a line, and forget the line when it was the last."""
        self._depth -= 1
        if isinstance(entry, Errand):
            _count_down(self._held_bytes, entry.scope, entry.size_bytes)
        if not self._lines[entry.scope]:
            del self._lines[entry.scope]
            self._turns.pop(entry.scope, None)

    def _require_place(self, scope: str) -> None:
        if self._depth + self._reserved_in_all < self._capacity:
            return
        own = len(self._lines.get(scope, ())) + self._reserved[scope]
        scopes = len(self._lines.keys() | self._reserved.keys() | {scope})
        if own * scopes >= self._capacity:
            raise _full()

    def _require_memory(self, errand: Errand) -> None:
        if self._held_bytes.total() + errand.size_bytes <= self._errands_max_bytes:
            return
        scopes = len(self._held_bytes.keys() | {errand.scope})
        if self._held_bytes[errand.scope] and (
            (self._held_bytes[errand.scope] + errand.size_bytes) * scopes > self._errands_max_bytes
        ):
            raise _full()


def _full() -> RequestRefused:
    return RequestRefused(503, "queue full, try again later", retry_after_s=RETRY_AFTER_S)


def _count_down(counter: Counter[str], scope: str, amount: int = 1) -> None:
    counter[scope] -= amount
    if counter[scope] <= 0:
        del counter[scope]
