"""Figures whose tellers are elsewhere."""

from __future__ import annotations

import pytest

from cellblock.events import Snapshot
from cellblock.metrics import Metrics
from cellblock.metrics.figures import DELIVERY_RESULTS, REFUSALS
from cellblock.model import EnforcementMode


def snapshot() -> Snapshot:
    return Snapshot(
        queue_depth=3,
        queue_capacity=10,
        slots=2,
        slots_busy=1,
        supervisor_connected=True,
        enforcement_mode=EnforcementMode.DEGRADED,
        draining=True,
        languages={},
        deliveries_waiting=4,
    )


@pytest.fixture
def metrics():
    return Metrics(version="1.2.3", snapshot=snapshot)


def lines(metrics: Metrics) -> list[str]:
    return metrics.exposition().decode().splitlines()


def test_quota_refusals_are_there_at_zero_before_the_first(metrics):
    assert [f'cellblock_quota_refusals_total{{quota="{quota}"}} 0.0' in lines(metrics) for quota in REFUSALS]
    metrics.quota_refused("key_day")
    assert 'cellblock_quota_refusals_total{quota="key_day"} 1.0' in lines(metrics)


def test_names_that_are_not_known_share_one_series(metrics):
    for number in range(5):
        metrics.quota_refused(f"invented-{number}")
        metrics.delivery_attempted(f"invented-{number}")
    assert 'cellblock_quota_refusals_total{quota="other"} 5.0' in lines(metrics)
    assert 'cellblock_webhook_attempts_total{result="other"} 5.0' in lines(metrics)
    assert not any("invented" in line for line in lines(metrics))


@pytest.mark.parametrize("result", DELIVERY_RESULTS)
def test_delivery_attempts_are_counted_by_result(metrics, result):
    metrics.delivery_attempted(result)
    assert f'cellblock_webhook_attempts_total{{result="{result}"}} 1.0' in lines(metrics)


def test_state_is_read_at_the_scrape(metrics):
    found = lines(metrics)
    for line in (
        "cellblock_queue_depth 3.0",
        "cellblock_draining 1.0",
        "cellblock_webhooks_waiting 4.0",
        'cellblock_enforcement_mode{mode="degraded"} 1.0',
        'cellblock_enforcement_mode{mode="strict"} 0.0',
        'cellblock_build_info{version="1.2.3"} 1.0',
    ):
        assert line in found
