"""F/socket-memory with what holds it off: it has more wait than it may, and both it and the host see that."""

from __future__ import annotations

import re

import pytest

from cellblock.attacks import taken
from cellblock.attacks.manifest import trials
from cellblock.model import Verdict
from cellblock.sandbox import cgroup_v1
from cellblock.sandbox.cell import Cell
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


def counted_by_the_kernel(group: CellCgroupV1) -> int | None:
    return read_number(group._directories["memory"], "memory.kmem.tcp.usage_in_bytes")


@pytest.fixture
def unlimited(monkeypatch):
    """On cgroup v1 the kernel's own limit is off: it counts only, as v2 does, and that is looked at."""
    monkeypatch.setattr(cgroup_v1, "_SOCKETS_BYTES", 1 << 40)
    monkeypatch.setattr(CellCgroupV1, "socket_bytes", counted_by_the_kernel)


def run(cells, name, tmp_path):
    (attack,) = {trial.attack.name: trial.attack for trial in trials() if trial.name == name}.values()
    with taken.Watch(range(0), attack.witnesses) as watch:
        outcome = in_a_cell(cells, name, tmp_path, loopback=True, **LIMITS)
    assert outcome.stdout.startswith(b"attempt\n"), outcome.stderr
    return outcome, taken.reached(attack, watch, [{}])


def assert_too_much(outcome, seen):
    assert (outcome.verdict, outcome.exit_code) == (Verdict.RE, SUCCEEDED), outcome.stdout
    assert re.fullmatch(r"the host had [0-9]+ socket_bytes more than before, .* allow 201326592", seen[0])
    assert taken.may_be_anybodys(seen), "others have sockets as well: such a finding is tried again"


@sees("F/socket-memory")
@pytest.mark.usefixtures("unlimited")
@pytest.mark.parametrize("name", ["F/socket-memory/enlarged/python", "F/socket-memory/enlarged/c"])
def test_who_has_much_wait_in_sockets_is_ended_and_without_a_look_at_them_takes_what_the_machine_has(
    name, monkeypatch, time_scale, tmp_path
):
    with opened(time_scale) as cells:
        outcome, seen = run(cells, name, tmp_path)
        assert (outcome.verdict, kill_reasons(outcome), seen) == (Verdict.MLE, ["socket_limit"], [])
        for group in (CellCgroupV1, CellCgroupV2):
            monkeypatch.setattr(group, "socket_bytes", lambda _self: None)
        assert_too_much(*run(cells, name, tmp_path))


@sees("F/socket-memory")
@pytest.mark.usefixtures("unlimited")
@pytest.mark.parametrize("name", ["F/socket-memory/pairs/python", "F/socket-memory/pairs/c"])
def test_small_sockets_hold_little_all_together_and_those_of_the_machines_own_settings_much(
    name, monkeypatch, time_scale, tmp_path
):
    for group in (CellCgroupV1, CellCgroupV2):
        monkeypatch.setattr(group, "socket_bytes", lambda _self: None)
    with opened(time_scale) as cells:
        outcome, seen = run(cells, name, tmp_path)
        held = int(re.findall(rb"held ([0-9]+)", outcome.stdout)[0])
        assert (outcome.verdict, seen) == (Verdict.AC, [])
        assert 4 * MIB < held < 32 * MIB
        cells.host._networks.give_up("for a test")
        assert_too_much(*run(cells, name, tmp_path))


@sees("F/socket-memory")
@pytest.mark.usefixtures("unlimited")
@pytest.mark.parametrize("language", ["python", "c"])
def test_connections_that_nobody_accepts_hold_much_where_nobody_looks_and_settings_are_the_machines(
    language, monkeypatch, time_scale, tmp_path
):
    for group in (CellCgroupV1, CellCgroupV2):
        monkeypatch.setattr(group, "socket_bytes", lambda _self: None)
    with opened(time_scale) as cells:
        cells.host._networks.give_up("for a test")
        assert_too_much(*run(cells, f"F/socket-memory/unaccepted/{language}", tmp_path))


@sees("F/socket-memory")
@pytest.mark.parametrize("language", ["python", "c"])
def test_what_has_arrived_and_nobody_accepts_is_in_no_groups_account(
    language, monkeypatch, time_scale, tmp_path
):
    """So with sockets of the machine's own settings neither the kernel nor a look at the group ends it."""
    monkeypatch.setattr(CellCgroupV2, "socket_bytes", counted := Counted(CellCgroupV2.socket_bytes))
    monkeypatch.setattr(CellCgroupV1, "socket_bytes", counted_v1 := Counted(counted_by_the_kernel))
    monkeypatch.setattr(Cell, "tcp_sockets", lambda _self: None)
    with opened(time_scale) as cells:
        cells.host._networks.give_up("for a test")
        outcome, seen = run(cells, f"F/socket-memory/acknowledged/{language}", tmp_path)
    assert_too_much(outcome, seen)
    assert max(counted.most, counted_v1.most) < 32 * MIB


@pytest.mark.parametrize("language", ["python", "c"])
def test_who_has_many_connections_that_nobody_accepts_is_ended(language, time_scale, tmp_path):
    with opened(time_scale) as cells:
        outcome, seen = run(cells, f"F/socket-memory/acknowledged/{language}", tmp_path)
    assert (outcome.verdict, kill_reasons(outcome), seen) == (Verdict.MLE, ["socket_limit"], [])


class Counted:
    """Stands in for a count, and keeps the most that it said."""

    def __init__(self, count):
        self.most, self._count = 0, count

    def __get__(self, group, _):
        return lambda: self._noted(self._count(group))

    def _noted(self, number):
        self.most = max(self.most, number or 0)
        return number


def test_on_cgroup_v2_it_is_the_groups_own_count(tmp_path):
    (tmp_path / "memory.stat").write_text("anon 4096\nfile 0\nsock 1048576\nshmem 0\n", encoding="ascii")
    group = CellCgroupV2(tmp_path)
    assert group.socket_bytes() == MIB
    (tmp_path / "memory.stat").unlink()
    assert group.socket_bytes() is None, "without the controller"
    group.remove()
