"""What waits in the sockets of a cell's own network is little, and its loopback works as one does."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from pathlib import Path

import pytest

from cellblock.model import Verdict
from cellblock.sandbox import features, networks, sockets
from cellblock.sandbox.cell import Cell
from sandbox.cells import MIB, Cells, kill_reasons, opened
from sandbox.waiting import init_at_work

SMALL = ["4096\t65536\t131072", "4096\t16384\t65536", "1"]
NAMES = ["tcp_rmem", "tcp_wmem", "tcp_orphan_retries"]


def settings_of(pid: int) -> list[str]:
    command = [
        "nsenter", f"--net=/proc/{pid}/ns/net",
        "cat", *(f"/proc/sys/net/ipv4/{name}" for name in NAMES),
    ]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def settings_of_a_cell(cells: Cells) -> list[str]:
    sleeping = f"import time; time.sleep({0.5 * cells.time_scale})"
    return cells.call(init_at_work(cells, cells.running(sleeping, loopback=True), settings_of))


def test_tcp_of_a_cells_network_is_set_small_and_that_of_the_host_is_not(cells):
    before = settings_of(os.getpid())
    assert settings_of_a_cell(cells) == SMALL
    assert settings_of(os.getpid()) == before != SMALL


TRANSFER = """
import hashlib, os, socket, threading
sent = os.urandom(1 << 20)
listener = socket.create_server(("127.0.0.1", 0))
def give():
    with socket.create_connection(listener.getsockname()) as connection:
        for _ in range(32):
            connection.sendall(sent)
giving = threading.Thread(target=give)
giving.start()
connection, _ = listener.accept()
received, expected = hashlib.sha256(), hashlib.sha256()
while chunk := connection.recv(1 << 16):
    received.update(chunk)
giving.join()
for _ in range(32):
    expected.update(sent)
print(received.hexdigest() == expected.hexdigest())
"""


def test_thirty_two_mib_go_over_loopback_between_two_threads(cells):
    outcome = cells.run(TRANSFER, loopback=True, memory_bytes=256 * MIB)
    assert (outcome.verdict, outcome.stdout) == (Verdict.AC, b"True\n"), outcome.stderr


UNACCEPTED = """
import socket
listeners = [socket.create_server(("127.0.0.1", 0), backlog=200) for _ in range(4)]
listeners += [socket.create_server(("::1", 0), family=socket.AF_INET6, backlog=200) for _ in range(4)]
for n in range(COUNT):
    with socket.create_connection(listeners[n % 8].getsockname()[:2]) as near:
        near.sendall(b"x")
print("done", flush=True)
time.sleep(SECONDS)
"""


@pytest.mark.parametrize(
    ("count", "verdict", "why"), [(400, Verdict.AC, []), (1040, Verdict.MLE, ["socket_limit"])]
)
def test_so_many_connections_that_nobody_has_accepted_end_the_run(cells, count, verdict, why):
    """No group counts what waits in them, on either generation."""
    code = f"import time\n{UNACCEPTED}".replace("COUNT", str(count)).replace(
        "SECONDS", str(0.2 if verdict is Verdict.AC else 20)
    )
    outcome = cells.run(code, loopback=True, memory_bytes=256 * MIB, cpu_ms=20_000, wall_ms=30_000)
    assert (outcome.verdict, kill_reasons(outcome)) == (verdict, why), outcome.stderr


@pytest.mark.parametrize("loopback", [True, False])
def test_sockets_are_counted_in_a_network_that_is_up(cells, monkeypatch, loopback):
    seen, count = [], Cell.tcp_sockets

    def counting(cell):
        seen.append(count(cell))
        return seen[-1]

    monkeypatch.setattr(Cell, "tcp_sockets", counting)
    code = "import socket, time; made = socket.create_server(('127.0.0.1', 0)); time.sleep(0.2)"
    assert cells.run(code if loopback else "", loopback=loopback).verdict is Verdict.AC
    assert set(seen) == ({0, 1} if loopback else {None})


def test_a_machine_without_ipv6_has_the_other_sockets_counted(monkeypatch):
    monkeypatch.setattr(sockets, "_FILE_OF_IPV6", "nonexistent")
    counts = sockets.SocketCounts(os.getpid())
    try:
        before = counts.tcp()
        with socket.create_server(("127.0.0.1", 0)):
            assert counts.tcp() > before
    finally:
        counts.close()


def test_a_run_whose_sockets_cannot_be_counted_ends_as_our_failure(cells, monkeypatch):
    monkeypatch.setattr(sockets, "_FILE", "nonexistent")
    outcome = cells.run("import time; time.sleep(5)", loopback=True)
    assert (outcome.verdict, "No such file" in str(outcome.error_message)) == (Verdict.IE, True), outcome


RECEIVES = """
import socket
for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
    with socket.socket(type=kind) as made:
        before = made.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 30)
        print(made.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) == before)
"""


def test_the_wish_for_more_room_to_receive_is_not_fulfilled(cells):
    outcome = cells.run(RECEIVES, loopback=True)
    assert (outcome.verdict, outcome.stdout) == (Verdict.AC, b"True\nTrue\n"), outcome.stderr


DEAF = """
import contextlib, socket, time
listener = socket.create_server(("127.0.0.1", 0))
near = socket.create_connection(listener.getsockname())
far, _ = listener.accept()
with contextlib.suppress(OSError):
    near.setsockopt(socket.IPPROTO_IP, 21, 255)  # IP_MINTTL: it hears nothing from nearby any more
near.setblocking(False)
with contextlib.suppress(BlockingIOError):
    while True: near.send(bytes(1 << 16))
time.sleep(SECONDS)
"""


def in_network(network_fd: int, *argv: str) -> str:
    command = ["nsenter", f"--net=/proc/self/fd/{network_fd}", *argv]
    return subprocess.run(command, capture_output=True, text=True, check=True, pass_fds=[network_fd]).stdout


def sockets_left(network_fd: int) -> int:
    told = in_network(network_fd, "cat", "/proc/net/sockstat")
    return int(told.split("TCP: inuse ")[1].split()[0])


def is_left_alone(network_fd: int, seconds: float) -> bool:
    deadline_s = time.monotonic() + seconds
    while (left := sockets_left(network_fd)) and time.monotonic() < deadline_s:
        time.sleep(0.1)
    return left > 0


@pytest.mark.parametrize(
    ("filtered", "small", "left"), [(True, True, False), (False, True, False), (False, False, True)]
)
def test_no_connection_outlives_its_run(time_scale, monkeypatch, filtered, small, left):
    """It would keep the network, and all that waits in it, for two minutes or as long as a program said."""
    if not filtered:
        monkeypatch.setattr(features, "_SECCOMP_ACTIONS", Path("/proc/nonexistent"))
    if not small:
        monkeypatch.setattr(networks, "_SETTINGS", networks.Path("/proc/sys/kernel"))
    code = DEAF.replace("SECONDS", str(0.5 * time_scale))
    with opened(time_scale, accept_missing="" if filtered else "seccomp_filter") as cells:
        running = cells.running(code, loopback=True)
        network_fd = cells.call(
            init_at_work(cells, running, lambda pid: os.open(f"/proc/{pid}/ns/net", os.O_RDONLY))
        )
    try:
        assert (sockets_left(network_fd) > 0) is not filtered, "whether it can be made deaf at all"
        assert is_left_alone(network_fd, 5) is left
        in_network(network_fd, "sh", "-c", "echo 1 >/proc/sys/net/ipv4/tcp_orphan_retries")
        assert not is_left_alone(network_fd, 60), "and it would be with the tests that follow"
    finally:
        os.close(network_fd)


# ---- where the settings cannot be written to ----


def test_where_the_settings_are_mounted_read_only_a_proc_of_our_own_is_taken(time_scale, monkeypatch):
    class ReadOnly:
        f_flag = networks.os.ST_RDONLY

    monkeypatch.setattr(networks.os, "statvfs", lambda _path: ReadOnly)
    with opened(time_scale) as cells:
        assert settings_of_a_cell(cells) == SMALL
        assert next(each for each in cells.call(cells.host.probe()) if each.feature == "socket buffers").ok


def test_where_there_is_none_of_our_own_either_cells_go_on_and_that_is_said(time_scale, monkeypatch):
    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(networks, "_open", refuse)
    with opened(time_scale) as cells:
        assert cells.host.problems == ()
        assert settings_of_a_cell(cells) == settings_of(os.getpid())
        report = next(each for each in cells.call(cells.host.probe()) if each.feature == "socket buffers")
    assert (report.ok, report.required) == (False, False)
    assert "Operation not permitted" in report.detail


def test_where_a_cell_may_not_write_them_cells_go_on_and_that_is_said(time_scale, monkeypatch):
    # A directory without the files: the step fails in the cell, as where a profile around us forbids it.
    monkeypatch.setattr(networks, "_SETTINGS", networks.Path("/proc/sys/kernel"))
    with opened(time_scale) as cells:
        assert cells.host.problems == ()
        assert settings_of_a_cell(cells) == settings_of(os.getpid())
        report = next(each for each in cells.call(cells.host.probe()) if each.feature == "socket buffers")
    assert "socket_buffers" in report.detail
