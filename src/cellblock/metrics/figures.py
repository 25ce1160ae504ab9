"""Every figure that the service publishes, and the methods by which it is told what happened.

Label values come from closed sets only: routes by template, languages by catalog name, enums. Whatever
else arrives is counted as ``other``, so the number of series is bounded whoever calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from cellblock.events import Part, RequestServed, RunEnded, RunEnding, Snapshot
from cellblock.metrics.state import StateCollector
from cellblock.model import CompileCacheUse, Outcome, Verdict

_OTHER = "other"
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
_NS_PER_S = 1_000_000_000

REFUSALS = ("address", "key_minute", "key_day")
"""Which quota refused a request."""
DELIVERY_RESULTS = ("delivered", "retry", "failed")
"""What an attempt at a webhook came to: taken, to be tried again, or given up."""

_FAST_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
# Close enough together that a median read from them is right within a sixth.
_PARTS_S = (
    *(0.00005, 0.0001, 0.00015, 0.00025, 0.0004, 0.0006, 0.001, 0.0015, 0.0025, 0.004, 0.006, 0.01, 0.015),
    *(0.025, 0.04, 0.06, 0.1, 0.15, 0.25, 0.4, 0.6, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)
_RUN_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_WAIT_S = (0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
_BATCH = (1, 2, 4, 8, 16, 32, 64, 128, 256)

disable_created_metrics()  # type: ignore[no-untyped-call]  # a series each that says when the service was started


class Metrics:
    """One per service. Methods may be called from any thread and cost microseconds."""

    def __init__(self, *, version: str, snapshot: Callable[[], Snapshot]) -> None:
        """Read ``snapshot`` at each scrape, on the thread that asks for the exposition."""
        registry = self._registry = CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=registry)
        GCCollector(registry=registry)
        Info("cellblock_build", "Version of the service.", registry=registry).info({"version": version})
        registry.register(StateCollector(snapshot))
        self._requests = _Family(
            Histogram(
                "cellblock_http_request_duration_seconds",
                "HTTP requests: from the first byte of the request to the last of its answer.",
                ("route", "method", "status"),
                buckets=_RUN_S,
                registry=registry,
            )
        )
        self._runs = Counter(
            "cellblock_runs",
            "Programs that ended, by verdict; abandoned: the client went away; failed: no result at all.",
            ("language", "verdict"),
            registry=registry,
        )
        self._compile_cache = Counter(
            "cellblock_compile_cache",
            "Programs of compiled languages that ended: whether an equal one had been compiled before (hit), "
            "not (miss), or nobody looked (bypass).",
            ("language", "result"),
            registry=registry,
        )
        self._queue = Histogram(
            "cellblock_queue_wait_seconds",
            "From a place in the queue to the hand-over.",
            buckets=_WAIT_S,
            registry=registry,
        )
        self._parts = _Family(
            Histogram(
                "cellblock_stage_duration_seconds",
                "Parts of a program's way from its request to the answer: parse, accept, queue, handover, "
                "prepare (spawn within it), compile and run (by the programs' own clocks), collect, judge, "
                "store, answer; supervisor: from handover to judge; total: from queue to store.",
                ("stage",),
                buckets=_PARTS_S,
                registry=registry,
            )
        )
        self._commits = Histogram(
            "cellblock_store_commit_seconds",
            "Commits, until they are on disk.",
            buckets=_FAST_S,
            registry=registry,
        )
        self._batches = Histogram(
            "cellblock_store_commit_writes", "Writes that shared a commit.", buckets=_BATCH, registry=registry
        )
        self._store_failures = Counter(
            "cellblock_store_failures",
            "Times that the store could not be read or written.",
            registry=registry,
        )
        self._refusals = Counter(
            "cellblock_quota_refusals",
            "Requests answered 429, by the quota that was used up.",
            ("quota",),
            registry=registry,
        )
        self._deliveries = Counter(
            "cellblock_webhook_attempts",
            "Attempts to deliver a webhook, by what they came to.",
            ("result",),
            registry=registry,
        )
        self._cut_off = Counter(
            "cellblock_clients_cut_off",
            "Clients that HTTP itself refused (by status) or disconnected: no room, idle, stalled.",
            ("reason",),
            registry=registry,
        )
        # Present from the start, so that the first one is an increase and no new series.
        for quota in REFUSALS:
            self._refusals.labels(quota)
        for result in DELIVERY_RESULTS:
            self._deliveries.labels(result)

    def request_served(self, event: RequestServed) -> None:
        """Count an HTTP request, and its parts where it asked for a run."""
        method = event.method if event.method in _METHODS else _OTHER
        self._requests.observe(event.duration_s, event.route or _OTHER, method, event.status)
        for part, duration_s in event.parts_s.items():
            self._parts.observe(duration_s, part)

    def run_ended(self, event: RunEnded) -> None:
        """Count a run and its parts."""
        self._runs.labels(event.language, _verdict(event)).inc()
        self._queue.observe(event.queue_s)
        compiled = event.outcome.evidence.compile if event.outcome else None
        if compiled is not None:
            self._compile_cache.labels(event.language, compiled.cache.value).inc()
        for part, duration_s in _parts(event):
            if duration_s is not None:
                self._parts.observe(duration_s, part)

    def committed(self, writes: int, duration_s: float) -> None:
        """Count a commit of the store."""
        self._commits.observe(duration_s)
        self._batches.observe(writes)

    def store_failed(self) -> None:
        """Count a failure of the store."""
        self._store_failures.inc()

    def client_cut_off(self, reason: str) -> None:
        """Count a client that HTTP itself refused or disconnected; ``reason`` is a status or a word."""
        self._cut_off.labels(reason).inc()

    def quota_refused(self, quota: str) -> None:
        """Count a refusal; ``quota`` is one of ``REFUSALS``."""
        self._refusals.labels(quota if quota in REFUSALS else _OTHER).inc()

    def delivery_attempted(self, result: str) -> None:
        """Count an attempt at a webhook; ``result`` is one of ``DELIVERY_RESULTS``."""
        self._deliveries.labels(result if result in DELIVERY_RESULTS else _OTHER).inc()

    def exposition(self) -> bytes:
        """Return all figures in Prometheus' text format, version 0.0.4."""
        return generate_latest(self._registry)


class _Family:
    """A histogram with labels that remembers its children: finding one is a lookup without a lock."""

    def __init__(self, histogram: Histogram) -> None:
        self._histogram = histogram
        self._children: dict[tuple[object, ...], Histogram] = {}

    def observe(self, value: float, *labels: object) -> None:
        child = self._children.get(labels)
        if child is None:
            child = self._children[labels] = self._histogram.labels(*labels)
        child.observe(value)


def _verdict(event: RunEnded) -> str:
    if event.outcome is None or event.ending is not RunEnding.FINISHED:
        return event.ending.value
    return event.outcome.verdict.value


def _parts(event: RunEnded) -> Iterable[tuple[Part, float | None]]:
    yield Part.QUEUE, event.queue_s
    yield Part.SUPERVISOR, event.supervisor_s
    yield Part.STORE, event.store_s
    yield Part.TOTAL, event.total_s
    if event.outcome is None or event.outcome.verdict is Verdict.IE:
        return
    compile_s, run_s = _programs(event.outcome)
    yield Part.COMPILE, compile_s
    yield Part.RUN, run_s
    times = event.outcome.times
    if times is None:
        return
    of_cells_ns = times.prepare_ns + times.collect_ns + times.judge_ns
    yield Part.PREPARE, times.prepare_ns / _NS_PER_S
    yield Part.SPAWN, times.spawn_ns / _NS_PER_S
    yield Part.COLLECT, times.collect_ns / _NS_PER_S
    yield Part.JUDGE, times.judge_ns / _NS_PER_S
    if event.supervisor_s is not None:
        known_s = of_cells_ns / _NS_PER_S + (compile_s or 0) + (run_s or 0)
        yield Part.HANDOVER, max(0.0, event.supervisor_s - known_s)


def _programs(outcome: Outcome) -> tuple[float | None, float | None]:
    """Return how long compiler and program took, by their own clocks; ``None`` where there was none."""
    if outcome.evidence.compile is None:
        return None, _seconds(outcome.wall_time_ns)
    was_compiled = outcome.evidence.compile.cache is not CompileCacheUse.HIT
    compile_s = _seconds(outcome.stages[0].wall_time_ns) if outcome.stages and was_compiled else None
    return compile_s, _seconds(outcome.wall_time_ns) if len(outcome.stages) > 1 else None


def _seconds(duration_ns: int | None) -> float | None:
    return None if duration_ns is None else duration_ns / _NS_PER_S
