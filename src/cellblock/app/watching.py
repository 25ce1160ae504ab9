"""Who listens to what happens: the metrics, and the log."""

from __future__ import annotations

from cellblock.api.readiness import Readiness
from cellblock.app import logs
from cellblock.app.store_failures import StoreFailures
from cellblock.dispatch import LocalQueue
from cellblock.events import RequestServed, RunEnded, Snapshot, StoreFailed
from cellblock.metrics import Metrics
from cellblock.model import EnforcementMode
from cellblock.webhooks import Deliverer
from cellblock.worker import Worker


class Watching:
    """Passes events on. It is made before what it looks at, for that wants to be listened to."""

    def __init__(self, version: str) -> None:
        self.metrics = Metrics(version=version, snapshot=self._snapshot)
        self._store_failures = StoreFailures()

    def look_at(
        self, *, queue: LocalQueue, readiness: Readiness, worker: Worker, deliverer: Deliverer
    ) -> None:
        """Say whose state the metrics show."""
        self._queue, self._readiness, self._worker = queue, readiness, worker
        self._deliverer = deliverer

    def request_served(self, event: RequestServed) -> None:
        """Count and log a request."""
        self.metrics.request_served(event)
        logs.request_served(event)

    def run_ended(self, event: RunEnded) -> None:
        """Count and log a run."""
        self.metrics.run_ended(event)
        logs.run_ended(event)

    def store_failed(self, event: StoreFailed) -> None:
        """Count and log a failure of the store."""
        self.metrics.store_failed()
        self._store_failures.note(event)

    def _snapshot(self) -> Snapshot:
        status = self._readiness.supervisor.status
        languages: dict[str, bool] = {}
        for runtime in status.languages if status else ():
            languages[runtime.name] = languages.get(runtime.name, False) or runtime.available
        return Snapshot(
            queue_depth=self._queue.depth,
            queue_capacity=self._queue.capacity,
            slots=status.slots if status else 0,
            slots_busy=self._worker.occupied,
            supervisor_connected=status is not None,
            enforcement_mode=status.enforcement_mode if status else EnforcementMode.NONE,
            draining=self._readiness.draining,
            languages=languages,
            compile_cache_bytes=self._readiness.supervisor.compile_cache_bytes,
            deliveries_waiting=self._deliverer.waiting,
        )
