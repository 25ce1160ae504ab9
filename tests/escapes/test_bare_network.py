"""Class F with a network: each attack reaches the bait, and is seen to."""

from __future__ import annotations

import contextlib
import ctypes
import http.server
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cellblock.attacks.ground import Ground
from cellblock.attacks.manifest import fill, load_attacks, trials
from escapes.bare_payloads import assert_seen, run_bare, trial, without_namespace
from escapes.seen import sees
from sandbox.cells import opened

CLONE_NEWNET = 0x40000000
RESOLVER = ("127.0.0.1", 53)
NO_SUCH_NAME = b"\x81\x83"
"""The flags of an answer to a question: answered by recursion, and there is no such name."""


@pytest.fixture
def network() -> Iterator[None]:
    """A network namespace of the test's own, with loopback only, for all that it starts meanwhile."""
    libc = ctypes.CDLL(None, use_errno=True)
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    assert libc.unshare(CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
    try:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        # Everybody may send echoes here, as on many machines.
        Path("/proc/sys/net/ipv4/ping_group_range").write_text("0 2147483647")
        yield
    finally:
        assert libc.setns(before, CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
        os.close(before)


@pytest.fixture
def ground(network: None) -> Iterator[Ground]:  # noqa: ARG001  # bait lies in that network
    with contextlib.closing(Ground()) as laid:
        yield laid


def of(attack: str) -> list[str]:
    """Name each program once: two APIs have the same."""
    chosen = [each for each in trials() if each.attack.name == attack and each.attack.line == "F"]
    return [each.name for each in chosen if not each.executed]


def test_every_attack_on_the_network_is_there_in_six_languages_or_says_why_not():
    on_the_network = [attack for attack in load_attacks() if attack.line == "F" and not attack.request]
    assert {"reach", "packets", "service", "names"} <= {attack.name for attack in on_the_network}
    for attack in on_the_network:
        assert attack.payloads.keys() | attack.lacks.keys() >= {
            *("python", "c", "go", "java", "javascript", "rust")
        }


@sees(*of("reach"))
@pytest.mark.parametrize("name", of("reach"))
def test_with_a_network_every_language_reaches_the_bait_and_says_so(name, ground):
    assert ground.turned() == []
    assert_seen(name, run_bare(name, ground.values))
    reached = "\n".join(ground.turned())
    kinds = ("tcp", "tcp6", "udp")
    assert [kind for kind in kinds if f"the host's {kind} socket was reached" not in reached] == []


@sees(*of("packets"))
@pytest.mark.parametrize("name", of("packets"))
def test_with_a_network_an_echo_is_seen_by_the_host_and_by_the_program(name, ground):
    assert ground.turned() == []
    assert_seen(name, run_bare(name, ground.values))
    assert "the host's ICMP socket was reached" in ground.turned()


def test_an_echo_of_somebody_else_is_no_witness(ground):
    subprocess.run(["/usr/bin/python3", "-c", fill(trial("F/packets/python").source, {"MARK": "x"})],
                   check=False, capture_output=True)  # fmt: skip
    assert ground.turned() == []


@sees(*of("service"))
@pytest.mark.parametrize("name", of("service"))
@pytest.mark.usefixtures("network")
def test_with_a_network_the_service_is_reached_and_the_program_says_so(name):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    serving.start()
    try:
        assert_seen(name, run_bare(name, {"SERVICE_PORT": str(server.server_port)}))
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


def test_with_a_network_the_question_for_a_name_is_seen_by_the_host(ground):
    # Nobody answers, so the program knows of nothing: it asks for 10 s.
    assert ground.turned() == []
    run_bare("F/names/c", ground.values)
    assert ground.turned() == ["the host's name socket was reached"]


@sees(*of("names"))
@pytest.mark.parametrize("name", of("names"))
@pytest.mark.usefixtures("network")
def test_with_a_resolver_that_knows_no_name_the_program_says_that_one_was_asked(name):
    with socket.socket(type=socket.SOCK_DGRAM) as resolver:
        resolver.bind(RESOLVER)
        answering = threading.Thread(target=_deny, args=(resolver,))
        answering.start()
        try:
            assert_seen(name, run_bare(name, {"MARK": "cellblock-bait-x"}))
        finally:
            resolver.sendto(b"", RESOLVER)
            answering.join()


def _deny(resolver: socket.socket) -> None:
    """Answer each question that there is no such name, until an empty one."""
    while True:
        question, asker = resolver.recvfrom(4096)
        if not question:
            return
        resolver.sendto(question[:2] + NO_SUCH_NAME + question[4:6] + bytes(6) + question[12:], asker)


def test_without_a_network_namespace_of_its_own_a_program_in_a_cell_reaches_the_bait(monkeypatch, time_scale):
    without_namespace("net", monkeypatch)
    attack = trial("F/reach/python")
    with contextlib.closing(Ground()) as ground:
        with opened(time_scale, accept_missing="network_namespace") as cells:
            outcome = cells.run(fill(attack.source, ground.values))
        assert {"the host's tcp socket was reached", "the host's abstract socket was reached"} <= set(
            ground.turned()
        )
    assert outcome.verdict in attack.attack.succeeds
