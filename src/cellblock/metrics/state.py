"""How the service stands, read when somebody asks: nothing is counted in between."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client.core import GaugeMetricFamily, Metric

from cellblock.events import Snapshot
from cellblock.model import EnforcementMode


class StateCollector:
    """Gauges of the moment."""

    def __init__(self, snapshot: Callable[[], Snapshot]) -> None:
        self._snapshot = snapshot

    def describe(self) -> Iterable[Metric]:
        """Return nothing: the registry then does not ask for a snapshot before there is a service."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """Return the gauges."""
        now = self._snapshot()
        for name, about, value in (
            ("queue_depth", "Submissions and errands that wait for a start.", now.queue_depth),
            ("queue_capacity", "How many may wait.", now.queue_capacity),
            ("slots", "Programs that may run at the same time; 0 without a supervisor.", now.slots),
            ("slots_busy", "Slots with a program in them.", now.slots_busy),
            ("supervisor_connected", "1 while a supervisor is connected.", now.supervisor_connected),
            ("compile_cache_bytes", "Memory that the compile cache holds.", now.compile_cache_bytes),
            ("draining", "1 while the service is stopping.", now.draining),
        ):
            yield GaugeMetricFamily(f"cellblock_{name}", about, value=float(value))
        if now.deliveries_waiting is not None:
            about = "Webhooks that wait for their time or their turn."
            yield GaugeMetricFamily("cellblock_webhooks_waiting", about, value=float(now.deliveries_waiting))
        modes = GaugeMetricFamily(
            "cellblock_enforcement_mode", "1 for what isolation can be enforced.", labels=("mode",)
        )
        for mode in EnforcementMode:
            modes.add_metric((mode.value,), float(mode is now.enforcement_mode))
        yield modes
        languages = GaugeMetricFamily(
            "cellblock_language_available", "1 where the language can be run here.", labels=("language",)
        )
        for language, available in now.languages.items():
            languages.add_metric((language,), float(available))
        yield languages
