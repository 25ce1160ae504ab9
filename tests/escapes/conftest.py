"""What all tests of attacks share: patience, and a service as an operator runs it."""

from __future__ import annotations

import socket

import pytest

import escapes.patience  # noqa: F401  # for what it does
from cellblock.attacks import front
from cellblock.attacks.instance import find_instance
from e2e.instance import running_instance


@pytest.fixture(scope="module")
def port(time_scale):
    """The port of a service that keeps cells and runtimes ready, and has tested its languages."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    with running_instance(free, time_scale=time_scale):
        front.wait_idle(find_instance(free))
        yield free
