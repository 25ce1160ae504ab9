"""One whole service with all eleven languages, and the matrix of what they were put through."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections import defaultdict

import pytest

from e2e.instance import running_instance
from languages.cases import LANGUAGES
from pace import TIME_SCALE

READY_TIMEOUT_S = 300
SHORT_LIMITS = {"cpu_ms": 2_000, "wall_ms": 5_000}
"""The judge's profile has no limits of a request's own; shorter ones make a spinning program end soon."""
OWN_LIMITS = {"java": {"cpu_ms": 6_000}}
"""In an emulator a call of a function in C takes Java a hundred times as long as on the host."""

_results: dict[tuple[str, str, str], str] = {}


@pytest.fixture(scope="session")
def service(time_scale):
    port = free_port()
    limits = {
        f"{language}.judge.{name}": value
        for language in LANGUAGES
        for name, value in (SHORT_LIMITS | OWN_LIMITS.get(language, {})).items()
    }
    with running_instance(port, limits=limits, time_scale=time_scale) as instance:
        wait_until_offered(instance, port, LANGUAGES, time_scale)
        yield port


@pytest.hookimpl(trylast=True)  # after what -k and -m leave out has gone
def pytest_collection_modifyitems(items):
    """Give the test that is the first to need the service the time of its start as well."""
    first = next((item for item in items if "service" in item.fixturenames), None)
    if first is not None:
        first.add_marker(pytest.mark.timeout(READY_TIMEOUT_S + 120), append=False)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_offered(instance, port, languages, time_scale):
    deadline_s = time.monotonic() + READY_TIMEOUT_S * time_scale
    while not set(languages) <= set(ask(port, "GET", "/api/languages")[1]):
        assert time.monotonic() < deadline_s, f"not all languages are there: {instance.log.read_text()}"
        time.sleep(0.2)


def ask(port, method, path, body=None):
    """Return status and JSON answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120 * TIME_SCALE)
    try:
        headers = {"content-type": "application/json"}
        connection.request(method, path, None if body is None else json.dumps(body).encode(), headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    case = getattr(item, "callspec", None) and item.callspec.params.get("case")
    if case is not None and (report.when == "call" or report.failed):
        dialect = item.originalname.removeprefix("test_").split("_")[0]
        _results[dialect, case.language, case.name] = "ok" if report.passed else "FAIL"
    return report


def pytest_terminal_summary(terminalreporter):
    """Print language by case: e and j for the execute and the judge API, upper case where it failed."""
    if not _results:
        return
    names = sorted({name for _, _, name in _results})
    table = defaultdict(str)
    for (dialect, language, name), result in sorted(_results.items()):
        table[language, name] += dialect[0] if result == "ok" else dialect[0].upper()
    terminalreporter.section("languages x cases (e execute API, j judge API; upper case failed)")
    width = max(map(len, LANGUAGES)) + 1
    for language in LANGUAGES:
        cells = (f"{name}:{table[language, name] or '-'}" for name in names if (language, name) in table)
        terminalreporter.write_line(f"{language:<{width}}{' '.join(cells)}")
