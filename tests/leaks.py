"""A pytest plugin: what is sent to services is searched for in what they log, at the end of the session.

*Sent* is every code, standard input, API key, webhook secret and path of a webhook in requests that the
tests make, by httpx, ``http.client`` or curl, or that schemathesis generates, and programs that they put
into cells themselves. *Logs* are the standard error of every service, parent and supervisor that a test
starts, and what services inside the tests' own process write, all of it at level debug and by the service's
own formatters. Something that was sent and stands in a log fails the session, and is named with log and test.
"""

from __future__ import annotations

import http.client
import itertools
import os
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import httpx
import pytest

from sent import present_test, sent

_SERVICES = {"cellblock.app.service", "cellblock.supervisor", "cellblock.app.parent", "serve"}


@dataclass
class Log:
    """What one process, or one test's services in this process, wrote."""

    name: str
    test: str
    read: Callable[[], str]


class Logs:
    """All logs of the session. Files are held open: their directories are gone at its end."""

    def __init__(self, own: TextIO) -> None:
        self.all: list[Log] = []
        self._own = own
        self._own_begins = 0

    def own_since(self, begin: int) -> str:
        """Return what services of this process have written since then."""
        self._own.flush()
        return os.pread(self._own.fileno(), self.own_size - begin, begin).decode("utf-8", "replace")

    @property
    def own_size(self) -> int:
        """How much services of this process have written."""
        return os.fstat(self._own.fileno()).st_size

    def own_of(self, test: str, begin: int) -> None:
        """Attribute to a test what services of this process have written since then."""
        text = self.own_since(begin)
        if text:
            self.all.append(Log("service in the test's process", test, lambda: text))

    def standard_error_of(self, command: Sequence[str], descriptor: int) -> None:
        """Hold on to a file that a process is about to write."""
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            reading = os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY | os.O_CLOEXEC)
            size = os.fstat
            self.all.append(
                Log(
                    f"standard error of {' '.join(command[1:4])}",
                    present_test(),
                    lambda: os.pread(reading, size(reading).st_size, 0).decode("utf-8", "replace"),
                )
            )

    def text(self, name: str, test: str, text: str) -> None:
        """Add a log that is there as a whole."""
        if text:
            self.all.append(Log(name, test, lambda: text))


_logs = pytest.StashKey[Logs]()
_begin = pytest.StashKey[int]()
_summary = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Listen to requests and starts of processes, and have this process's services write a log of theirs."""
    own = tempfile.TemporaryFile("w+", encoding="utf-8", buffering=1)  # noqa: SIM115  # open until the end
    logs = config.stash[_logs] = Logs(own)
    _log_as_the_service_does(own)
    patching = pytest.MonkeyPatch()
    config.add_cleanup(patching.undo)
    _listen_to_clients(patching)
    _listen_to_processes(patching, logs)


def _log_as_the_service_does(sink: TextIO) -> None:
    import logging  # noqa: PLC0415  # here only, and cellblock's rooms are not to be imported by a plugin's head

    from cellblock.app import logs  # noqa: PLC0415

    with redirect_stderr(sink):
        logs.configure("debug", "json")
    for own in ("httpx", "httpcore", "asyncio"):  # the tests' side, and an event loop's name for each test
        logging.getLogger(own).setLevel(logging.WARNING)


def _listen_to_clients(patching: pytest.MonkeyPatch) -> None:
    send, send_async, request = httpx.Client.send, httpx.AsyncClient.send, http.client.HTTPConnection.request

    def note(request: httpx.Request) -> None:
        body = request.content if isinstance(request.stream, httpx.ByteStream) else None
        sent.add_request(request.headers, body)

    def noted_send(self: Any, request: httpx.Request, **more: Any) -> httpx.Response:
        note(request)
        return send(self, request, **more)

    async def noted_send_async(self: Any, request: httpx.Request, **more: Any) -> httpx.Response:
        note(request)
        return await send_async(self, request, **more)

    def noted_request(
        self: Any, method: str, url: str, body: Any = None, headers: Any = None, **more: Any
    ) -> None:
        sent.add_request(headers or {}, body if isinstance(body, bytes | str) else None)
        request(self, method, url, body, headers or {}, **more)

    patching.setattr(httpx.Client, "send", noted_send)
    patching.setattr(httpx.AsyncClient, "send", noted_send_async)
    patching.setattr(http.client.HTTPConnection, "request", noted_request)


def _listen_to_processes(patching: pytest.MonkeyPatch, logs: Logs) -> None:
    class Popen(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, args: Any, *more: Any, **options: Any) -> None:
            command = [args] if isinstance(args, str | bytes | Path) else [str(each) for each in args]
            self._is_service = bool(_SERVICES.intersection(command))
            stderr = options.get("stderr")
            assert not (self._is_service and stderr == subprocess.DEVNULL), "nobody could search this log"
            if self._is_service and stderr not in {None, subprocess.PIPE, subprocess.DEVNULL}:
                logs.standard_error_of(command, stderr if isinstance(stderr, int) else stderr.fileno())
            if Path(str(command[0])).name == "curl":
                _note_curl(command)
            super().__init__(args, *more, **options)

        def communicate(self, *more: Any, **options: Any) -> Any:
            out, error = super().communicate(*more, **options)
            if self._is_service and error:
                text = error if isinstance(error, str) else error.decode("utf-8", "replace")
                logs.text(f"standard error of {self.args}", present_test(), text)
            return out, error

    patching.setattr(subprocess, "Popen", Popen)


def _note_curl(command: Sequence[str]) -> None:
    headers, body = {}, None
    for option, value in itertools.pairwise(command):
        if option == "-H":
            name, _, text = value.partition(":")
            headers[name.strip()] = text.strip()
        elif option == "-d":
            body = value
    sent.add_request(headers, body)


@pytest.fixture
def own_log(request: pytest.FixtureRequest) -> Callable[[], str]:
    """Return what reads what services of this process have written since the test began."""
    return lambda: request.config.stash[_logs].own_since(request.node.stash[_begin])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Say which part of this process's log is the test's."""
    logs = item.config.stash[_logs]
    begin = item.stash[_begin] = logs.own_size
    try:
        return (yield)
    finally:
        logs.own_of(item.nodeid, begin)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[Any]:
    """Show the log of this process's services where a test fails; keep what processes wrote into ours."""
    report = yield
    logs = item.config.stash[_logs]
    if report.failed and (text := logs.own_since(item.stash[_begin])):
        report.sections.append(("Log of services in this process", text))
    if report.when == "teardown":
        logs.text("standard error of the test's process", item.nodeid, report.capstderr)
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Search every log for everything that was sent; a finding fails the session."""
    logs = session.config.stash[_logs].all
    searched, lines = 0, []
    for log in logs:
        text = log.read()
        searched += len(text)
        lines += [
            f"FAILED {log.test}: in {log.name} stands a {marker.kind} "
            f"that {marker.test} sent: {marker.text!r}"
            for marker in sent.found_in(text)
        ]
    if lines and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    if logs:
        lines.append(
            f"{len(sent.known)} pieces of codes, inputs, keys and secrets searched for in {len(logs)} logs, "
            f"{searched / 1e6:.1f} MB: {len(lines)} found"
        )
    session.config.stash[_summary] = lines


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say what was found, and that something was searched."""
    lines = terminalreporter.config.stash.get(_summary, [])
    if lines:
        terminalreporter.section("what was sent and stands in logs")
    for line in lines:
        terminalreporter.write_line(line)
