"""What all tests share: free ports, patience, and the rule that a skip can be a failure."""

from __future__ import annotations

import os
import platform
import socket

import pytest

from pace import TIME_SCALE

pytest_plugins = ["leaks"]

HELPER = os.environ.pop("CELLBLOCK_TEST_HELPER", "")
PRELOAD = os.environ.pop("CELLBLOCK_TEST_PRELOAD", "")
FORBID_SKIPS = os.environ.pop("FORBID_SKIPS", "") == "1"


@pytest.fixture(scope="session")
def time_scale() -> float:
    """See ``pace``."""
    return TIME_SCALE


@pytest.fixture(scope="session")
def other_helper() -> str:
    """Name another build of the cell helper for all cells of the sandbox tests; empty for the usual one."""
    return HELPER


@pytest.fixture(scope="session")
def other_preload() -> str:
    """Name another build of the library that has runtimes wait, likewise."""
    return PRELOAD


@pytest.fixture
def free_port() -> int:
    """Return a TCP port on 127.0.0.1 that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    if FORBID_SKIPS and report.skipped and not hasattr(report, "wasxfail"):
        _, _, reason = report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped where no test may be: {reason}"
    return report


def pytest_collection_modifyitems(config, items):
    """Scale the time that single tests are given; that of all others is scaled at once.

    What no program of this architecture can do is no test here, and none that is skipped.
    """
    elsewhere = [
        item for item in items for mark in item.iter_markers("machine") if platform.machine() not in mark.args
    ]
    if elsewhere:
        config.hook.pytest_deselected(items=elsewhere)
        items[:] = [item for item in items if item not in elsewhere]
    for item in items:
        own = item.get_closest_marker("timeout")
        if own is not None and TIME_SCALE != 1:
            item.add_marker(pytest.mark.timeout(own.args[0] * TIME_SCALE), append=False)


def pytest_configure(config):
    if TIME_SCALE != 1:
        config.option.timeout = (config.getoption("timeout") or float(config.getini("timeout"))) * TIME_SCALE
