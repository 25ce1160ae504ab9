"""From the queue to the supervisor to the store.

Nothing here waits in a loop: ``pump`` starts whatever may start, and is called when something
was queued, when a run ended and when the supervisor's status changed. A job is *running* in the
store from its hand-over to its result, so whatever kills this process leaves a row that the
next start-up finds and runs again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
import structlog

from cellblock.dispatch import Entry, Errand, LocalQueue, Waiting
from cellblock.errors import RequestRefused, StoreError, SupervisorLostError, SupervisorUnavailableError
from cellblock.events import RunEnded, RunEnding, StoreFailed
from cellblock.failed import failed_outcome
from cellblock.model import EnforcementMode, IsolationMode, Outcome
from cellblock.store import Store, final_status
from cellblock.supervisor.client import SupervisorClient, SupervisorRefusedError
from cellblock.worker.course import Course

T = TypeVar("T")
MAX_STARTS = 3
_STORE_RETRY_S = 1.0
_TASKS_PER_SLOT = 2

_log = structlog.get_logger(__name__)


class Worker:
    """Runs as many jobs at a time as the supervisor has slots."""

    def __init__(
        self,
        *,
        store: Store,
        queue: LocalQueue,
        supervisor: SupervisorClient,
        node_id: str,
        on_ended: Callable[[RunEnded], None] = lambda _: None,
        on_store_failed: Callable[[StoreFailed], None] = lambda _: None,
    ) -> None:
        """``on_ended`` is told of each run when all else is done with it."""
        self._store = store
        self._queue = queue
        self._supervisor = supervisor
        self._node_id = node_id
        self._tell = on_ended
        self._on_store_failed = on_store_failed
        self._runs: dict[asyncio.Task[None], Entry] = {}
        self._occupied = 0
        self._stopping = False
        self._isolation_mode = IsolationMode.STRICT

    @property
    def running(self) -> int:
        """How many jobs are with the supervisor."""
        return len(self._runs)

    @property
    def occupied(self) -> int:
        """How many slots of the supervisor are taken."""
        return self._occupied

    async def start(self) -> None:
        """Queue what an earlier process left without a result, then begin to run."""
        for unfinished in await self._store.unfinished():
            self._queue.put(unfinished.record, None, starts=unfinished.starts, scope=unfinished.key_scope)
        self._queue.on_put(self.pump)
        self._supervisor.on_change(self.pump)
        self.pump()

    def pump(self) -> None:
        """Start what waits, as far as there are slots."""
        status = self._supervisor.status
        if self._stopping or status is None or status.enforcement_mode is EnforcementMode.NONE:
            return
        self._isolation_mode = status.isolation_mode
        while self._occupied < status.slots:
            # Results being written hold no slot, but only so many: memory is bounded while the store is slow
            # or full. Errands store nothing and go on.
            too_many_kept = len(self._runs) >= _TASKS_PER_SLOT * status.slots
            if (entry := self._queue.take(errands_only=too_many_kept)) is None:
                break
            self._occupied += 1
            running = self._run_errand(entry) if isinstance(entry, Errand) else self._run(entry)
            run = asyncio.create_task(running, name=f"run-{entry.id}")
            self._runs[run] = entry
            run.add_done_callback(self._ended)

    async def drain(self, timeout_ms: int) -> None:
        """Start nothing more, let what runs end, leave the rest to the store.

        Jobs that run longer than ``timeout_ms`` stay *running* in the store and are run again
        by the next process.
        """
        self._stopping = True
        self._queue.abandon()
        runs = dict(self._runs)
        if runs:
            _, late = await asyncio.wait(runs, timeout=timeout_ms / 1000)
            for run in late:
                run.cancel()
            if late:
                await asyncio.wait(late)
        for entry in runs.values():
            entry.finished.cancel()  # does nothing where there is a result

    def _ended(self, run: asyncio.Task[None]) -> None:
        entry = self._runs.pop(run)
        if not run.cancelled() and (error := run.exception()) is not None:
            _log.error("run_failed", submission=entry.id, exc_info=error)
            if not entry.finished.done():
                entry.finished.set_exception(error)
                entry.finished.exception()  # logged above, whether or not somebody waits
        self.pump()

    async def _run(self, waiting: Waiting) -> None:
        """Take one submission from its start to its stored result."""
        course = Course(waiting)
        try:
            ended = await self._execute(waiting, course)
        finally:
            self._free_slot(waiting)
        self.pump()
        if ended is not None:
            await self._finish(waiting, *ended)
            self._tell(course.ended(RunEnding.FINISHED, ended[0]))

    async def _run_errand(self, errand: Errand) -> None:
        """Run what leaves no record, for as long as somebody waits for it."""
        course = Course(errand)
        outcome: Outcome | None = None
        ending: RunEnding | None = RunEnding.ABANDONED
        try:
            if errand.finished.cancelled():  # between the queue and here
                return
            course.hand_over(errand.job)  # before it begins: the supervisor may be quicker than we are
            handed_over = self._supervisor.begin_run(errand.job)
            errand.finished.add_done_callback(lambda _: handed_over.cancel())
            outcome = await handed_over
        except SupervisorUnavailableError:
            ending = None
            self._queue.put_back(errand)
        except SupervisorLostError as error:
            if errand.starts + 1 < MAX_STARTS and not self._stopping:
                ending = None
                self._again(errand, error)
            else:
                ending = RunEnding.FAILED
                _settle(errand.finished, SupervisorLostError(f"{_given_up(errand.starts + 1)}: {error}"))
        except (SupervisorRefusedError, RequestRefused) as error:
            ending = RunEnding.FAILED
            _settle(errand.finished, error)
        else:
            ending = RunEnding.FINISHED
            course.answer()
            errand.ended_at_s = course.answered_at_s
            _settle(errand.finished, outcome)
        finally:
            self._free_slot(errand)
            if ending is not None:
                self._tell(course.ended(ending, outcome))

    def _free_slot(self, entry: Entry) -> None:
        self._occupied -= 1
        self._queue.release(entry)

    async def _execute(self, waiting: Waiting, course: Course) -> tuple[Outcome, int | None] | None:
        """Have the program run; the answer is the outcome and when it was started, in ns.

        ``None`` where there is nothing to keep: it could not be started yet, or everything ends.
        """
        record = waiting.record
        if waiting.is_refused:
            return None
        if waiting.starts >= MAX_STARTS:
            return self._failed(_given_up(waiting.starts)), record.started_at_ns
        job = waiting.job or await self._persistently(lambda: self._store.job(record.id))
        if job is None:  # it has a result by now
            return None
        started_at_ns = _not_before(record.created_at_ns)
        try:
            course.hand_over(job)
            handed_over = self._supervisor.begin_run(job)
        except SupervisorUnavailableError:
            self._queue.put_back(waiting)
            return None
        marked = asyncio.ensure_future(self._store.mark_running(record.id, started_at_ns))
        marked.add_done_callback(_log_unmarked)
        try:
            outcome = await handed_over
        except SupervisorLostError as error:
            if not self._stopping:  # else everything is going down: the next process runs it again
                self._again(waiting, error)
            return None
        except (SupervisorRefusedError, RequestRefused) as error:
            return self._failed(str(error)), started_at_ns
        course.answer()
        return outcome, started_at_ns

    def _again(self, entry: Entry, error: SupervisorLostError) -> None:
        """Have what was lost with its supervisor run again, before all that waits."""
        entry.starts += 1
        _log.warning("run_lost", submission=entry.id, starts=entry.starts, error=str(error))
        self._queue.put_back(entry)

    async def _finish(self, waiting: Waiting, outcome: Outcome, started_at_ns: int | None) -> None:
        """Keep the result, and only then tell who waits for it; a long answer is begun meanwhile."""
        submission_id = waiting.record.id
        completed_at_ns = _not_before(started_at_ns or waiting.record.created_at_ns)
        record = msgspec.structs.replace(
            waiting.record,
            job_status=final_status(outcome),
            started_at_ns=started_at_ns,
            completed_at_ns=completed_at_ns,
            outcome=outcome,
        )
        kept = self._persistently(
            lambda: self._store.finish(
                submission_id, outcome, started_at_ns=started_at_ns, completed_at_ns=completed_at_ns
            ),
            while_wanted=lambda: not waiting.is_refused,
        )
        waiting.ended_at_s = time.monotonic()
        if not waiting.ended.done():
            waiting.ended.set_result(record)
        await kept
        if not waiting.finished.done():
            waiting.finished.set_result(record)

    def _failed(self, message: str) -> Outcome:
        return failed_outcome(message, isolation_mode=self._isolation_mode, node_id=self._node_id)

    async def _persistently(
        self, access: Callable[[], Awaitable[T]], while_wanted: Callable[[], bool] = lambda: True
    ) -> T | None:
        """Access the store, however long it takes to come back: a run's result is not thrown away.

        Only where it is not wanted any more, this gives up and returns ``None``.
        """
        while while_wanted():
            try:
                return await access()
            except StoreError as error:
                self._on_store_failed(StoreFailed(reason=error.reason, message=str(error)))
                await asyncio.sleep(_STORE_RETRY_S)
        return None


def _not_before(earlier_ns: int) -> int:
    """Return the time, in ns; where the clock was set back meanwhile, what follows is no earlier."""
    return max(time.time_ns(), earlier_ns)


def _given_up(starts: int) -> str:
    return (
        f"given up after {starts} starts: each time the service or its supervisor ended while the program ran"
    )


def _settle(finished: asyncio.Future[Outcome], result: Outcome | Exception) -> None:
    """Tell who waits, if somebody still does."""
    if finished.done():
        return
    if isinstance(result, Exception):
        finished.set_exception(result)
    else:
        finished.set_result(result)


def _log_unmarked(marked: asyncio.Future[None]) -> None:
    """Report a start that was not noted: the run goes on, only its count of starts is one short."""
    if not marked.cancelled() and (error := marked.exception()) is not None:
        _log.warning("start_not_noted", error=str(error))
