"""What all tests of attacks share: patience, and a service as an operator runs it."""

from __future__ import annotations

import contextlib
import http.server
import secrets
import socket
import threading

import pytest

import escapes.patience  # noqa: F401  # for what it does
from cellblock.attacks import front
from cellblock.attacks.caller import Caller
from cellblock.attacks.ground import Ground
from cellblock.attacks.instance import find_instance
from e2e.instance import running_instance
from escapes.bare_compilers import Beside
from escapes.credulous import Credulous
from sent import sent


def with_secrets() -> tuple[str, ...]:
    """Return a command that starts a service with secrets in its environment, of its own and another's."""
    names = ("CELLBLOCK_METRICS_TOKEN", "OPERATORS_SECRET")
    values = [secrets.token_hex(16) for _ in names]
    for value in values:
        sent.add("secret", value)  # which no log may hold either
    return ("env", *(f"{name}={value}" for name, value in zip(names, values, strict=True)))


@pytest.fixture(scope="module")
def port(time_scale):
    """The port of a service that keeps cells and runtimes ready, and has tested its languages."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    with running_instance(free, time_scale=time_scale, prefix=with_secrets()):
        front.wait_idle(find_instance(free))
        yield free


@pytest.fixture
def beside():
    """The compilers without a cell, with bait that is this test's own."""
    with contextlib.closing(Ground()) as ground:
        yield Beside(ground)


@pytest.fixture(scope="module")
def compilers():
    """The same for tests that look at no bait."""
    with contextlib.closing(Ground()) as ground:
        yield Beside(ground)


@pytest.fixture
def credulous():
    """Reaches a service that believes everything."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Credulous)
    server.daemon_threads = True
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    serving.start()
    Credulous.records.clear()
    yield Caller("127.0.0.1", server.server_port)
    server.shutdown()
    serving.join()
    server.server_close()
