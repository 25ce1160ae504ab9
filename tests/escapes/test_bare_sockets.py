"""F/socket-memory with what holds it off: it has more wait than it may, and both it and the host see that."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cellblock.model import Verdict
from cellblock.sandbox import cgroup_v1
from cellblock.sandbox.cgroup_v1 import CellCgroupV1
from cellblock.sandbox.cgroup_v2 import CellCgroupV2
from cellblock.sandbox.cgroups import read_number
from escapes.seen import sees
from escapes.test_bare_resources import SUCCEEDED, in_a_cell
from sandbox.cells import MIB, kill_reasons, opened

LIMITS = {
    "memory_bytes": 2 << 30, "open_files": 256, "processes": 64, "cpu_ms": 20_000, "wall_ms": 20_000,
}  # fmt: skip
"""Those of the execute API, with time for a slow host."""
PAGE = 4096


def tcp_bytes() -> int:
    """Return what waits in the TCP sockets of all networks of the machine."""
    text = Path("/proc/net/sockstat").read_text(encoding="ascii")
    found = re.search(r"^TCP: .* mem ([0-9]+)$", text, re.MULTILINE)
    assert found, text
    return int(found[1]) * PAGE


@contextmanager
def seen_by_the_host() -> Iterator[list[int]]:
    """Lend a list that has, when it is over, how much more waited at most than at the beginning."""
    before, over, grown = tcp_bytes(), threading.Event(), [0]

    def look() -> None:
        while not over.wait(0.01):
            grown[0] = max(grown[0], tcp_bytes() - before)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield grown
    finally:
        over.set()
        looking.join()


def counted_by_the_kernel(group: CellCgroupV1) -> int | None:
    return read_number(group._directories["memory"], "memory.kmem.tcp.usage_in_bytes")


@pytest.fixture
def unlimited(monkeypatch):
    """On cgroup v1 the kernel's own limit is off: it counts only, as v2 does, and that is looked at."""
    monkeypatch.setattr(cgroup_v1, "_SOCKETS_BYTES", 1 << 40)
    monkeypatch.setattr(CellCgroupV1, "socket_bytes", counted_by_the_kernel)


def run(cells, name, tmp_path):
    with seen_by_the_host() as grown:
        outcome = in_a_cell(cells, name, tmp_path, loopback=True, **LIMITS)
    assert outcome.stdout.startswith(b"attempt\n"), outcome.stderr
    return outcome, grown[0]


@sees("F/socket-memory")
@pytest.mark.usefixtures("unlimited")
@pytest.mark.parametrize(
    "name",
    [
        f"F/socket-memory/{way}/{language}"
        for way in ("enlarged", "unaccepted")
        for language in ("python", "c")
    ],
)
def test_who_has_much_wait_in_sockets_is_ended_and_without_a_look_at_them_takes_what_the_machine_has(
    name, monkeypatch, time_scale, tmp_path
):
    with opened(time_scale) as cells:
        outcome, grown = run(cells, name, tmp_path)
        assert (outcome.verdict, kill_reasons(outcome)) == (Verdict.MLE, ["socket_limit"])
        assert grown < 256 * MIB
        for group in (CellCgroupV1, CellCgroupV2):
            monkeypatch.setattr(group, "socket_bytes", lambda _self: None)
        outcome, grown = run(cells, name, tmp_path)
        assert (outcome.verdict, outcome.exit_code) == (Verdict.RE, SUCCEEDED), outcome.stdout
        assert grown > 192 * MIB


@sees("F/socket-memory")
@pytest.mark.usefixtures("unlimited")
@pytest.mark.parametrize("name", ["F/socket-memory/pairs/python", "F/socket-memory/pairs/c"])
def test_small_sockets_hold_little_all_together_and_those_of_the_machines_own_settings_much(
    name, monkeypatch, time_scale, tmp_path
):
    for group in (CellCgroupV1, CellCgroupV2):
        monkeypatch.setattr(group, "socket_bytes", lambda _self: None)
    with opened(time_scale) as cells:
        outcome, grown = run(cells, name, tmp_path)
        held = int(re.findall(rb"held ([0-9]+)", outcome.stdout)[0])
        assert outcome.verdict is Verdict.AC
        assert 4 * MIB < held < 32 * MIB
        assert grown < 64 * MIB, "others have sockets as well"
        cells.host._networks.give_up("for a test")
        outcome, grown = run(cells, name, tmp_path)
        assert (outcome.verdict, outcome.exit_code) == (Verdict.RE, SUCCEEDED), outcome.stdout
        assert grown > 192 * MIB


def test_on_cgroup_v2_it_is_the_groups_own_count(tmp_path):
    (tmp_path / "memory.stat").write_text("anon 4096\nfile 0\nsock 1048576\nshmem 0\n", encoding="ascii")
    group = CellCgroupV2(tmp_path)
    assert group.socket_bytes() == MIB
    (tmp_path / "memory.stat").unlink()
    assert group.socket_bytes() is None, "without the controller"
    group.remove()
