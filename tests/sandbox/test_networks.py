"""What waits in the sockets of a cell's own network is little, and its loopback works as one does."""

from __future__ import annotations

import os
import subprocess

from cellblock.model import Verdict
from cellblock.sandbox import networks
from sandbox.cells import MIB, Cells, opened
from sandbox.waiting import init_at_work

SMALL = ["4096\t65536\t131072", "4096\t16384\t65536"]
NAMES = ["tcp_rmem", "tcp_wmem"]


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
