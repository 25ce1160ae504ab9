"""What a service keeps ready is no leftover, whatever else there is of cells is one, and harm is seen."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import itertools
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from cellblock.attacks import machine, proc, standing
from cellblock.attacks.caller import Caller
from cellblock.attacks.instance import find_instance
from cellblock.attacks.settling import settle
from cellblock.attacks.standing import Bystanders, Standing, Zygote


@pytest.fixture
def instance(port, time_scale):
    """The instance at rest, with a zygote and with cells that wait."""
    found = find_instance(port)
    for language in ("python", "python", "ruby", "bash"):
        assert submit(port, language).json()["verdict"] == "AC"
    assert_nothing_is_left(found, time_scale)
    there = standing.look(found)
    assert there.waiting
    assert there.zygotes
    return found


def submit(port, language, code=None, *, wait=True):
    hello = {"python": "print(1)", "ruby": "puts 1", "bash": "echo 1", "javascript": "console.log(1)"}
    return Caller("127.0.0.1", port).submit(language, code or hello[language], wait=wait)


def assert_nothing_is_left(instance, time_scale=1):
    left = settle(instance, within_s=20 * time_scale)
    assert set(left.values()) == {0}, left


def until(condition, time_scale=1):
    deadline_s = time.monotonic() + 10 * time_scale
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def test_cells_that_wait_have_groups_and_processes_and_are_no_leftovers(instance):
    there = standing.look(instance)
    for cell in there.waiting:
        assert all((tree / cell.name).is_dir() for tree in instance.groups)
        assert Path(f"/proc/{cell.program}").stat().st_uid in instance.uids
    assert (there.strays, there.stray_groups) == ([], [])


@pytest.mark.parametrize("language", ["python", "bash"])
def test_a_cell_whose_program_runs_does_not_wait(instance, port, language, time_scale):
    code = {"python": "import time; time.sleep(1)", "bash": "sleep 1"}[language]
    submitted = submit(port, language, code, wait=False).json()["id"]
    until(lambda: machine.leftovers(instance)["processes"] >= 2, time_scale)
    left = machine.leftovers(instance)
    assert left["cgroups"] >= len(instance.groups)
    assert Caller("127.0.0.1", port).finished(submitted).json()["verdict"] == "AC"
    assert_nothing_is_left(instance, time_scale)


def test_a_process_beside_one_that_waits_is_left_behind(instance, time_scale):
    (cell, *_) = standing.look(instance).waiting
    user = instance.first_uid + 1
    process = subprocess.Popen(["/bin/sleep", "60"], user=user, group=user, cwd="/")
    try:
        assert machine.leftovers(instance)["processes"] == 1
        for tree in instance.groups:
            (tree / cell.name / "cgroup.procs").write_text(str(process.pid))
        left = machine.leftovers(instance)
        # The cell is none that waits any more: its own two processes are strays as well.
        assert (left["processes"], left["cgroups"]) == (3, len(instance.groups))
    finally:
        process.kill()
        process.wait()
    assert_nothing_is_left(instance, time_scale)


def test_a_group_that_no_cell_has_is_left_behind(instance):
    left = instance.groups[0] / "c999999"
    left.mkdir()
    try:
        assert machine.leftovers(instance)["cgroups"] == 1
    finally:
        left.rmdir()


def test_a_zygote_that_was_ended_is_noticed(instance, port, time_scale):
    bystanders = Bystanders(instance)
    assert bystanders.harmed() == []
    victim = next(zygote for zygote in bystanders.before.zygotes if "ruby" in zygote.kind[1])
    os.kill(victim.pid, signal.SIGKILL)
    assert bystanders.harmed() == [f"a zygote (process {victim.pid}) was ended"]
    assert submit(port, "ruby").json()["verdict"] == "AC"
    assert_nothing_is_left(instance, time_scale)


@pytest.mark.parametrize("who", ["zygote", "init", "program"])
@pytest.mark.parametrize("harm", ["stop", "nice"])
def test_whoever_waits_and_was_stopped_or_reprioritised_is_noticed(instance, who, harm, monkeypatch):
    monkeypatch.setattr(standing, "_SETTLES_WITHIN_S", 0.2)
    bystanders = Bystanders(instance)
    cell, zygote = bystanders.before.waiting[0], bystanders.before.zygotes[0]
    pid = {"zygote": zygote.pid, "init": cell.init, "program": cell.program}[who]
    nice = os.getpriority(os.PRIO_PROCESS, pid)
    try:
        if harm == "stop":
            os.kill(pid, signal.SIGSTOP)
        else:
            os.setpriority(os.PRIO_PROCESS, pid, nice + 1)
        (noticed,) = bystanders.harmed()
        assert noticed.startswith(
            f"process {pid} of ours was changed: {'State' if harm == 'stop' else 'nice'}"
        )
    finally:
        os.kill(pid, signal.SIGCONT)
        os.setpriority(os.PRIO_PROCESS, pid, nice)
    monkeypatch.undo()
    assert bystanders.harmed() == []


@pytest.mark.parametrize("language", ["python", "ruby"])
def test_programs_of_one_zygote_share_no_open_file_with_it_or_each_other(
    instance, port, language, time_scale
):
    code = {"python": "import time; time.sleep(3)", "ruby": "sleep 3"}[language]
    zygotes = [each.pid for each in standing.look(instance).zygotes if language in each.kind[1]]
    submitted = []
    for count in (1, 2):
        submitted.append(submit(port, language, code, wait=False).json()["id"])
        until(lambda count=count: sum(len(programs_below(each)) for each in zygotes) == count, time_scale)
    (zygote,) = (each for each in zygotes if programs_below(each))
    time.sleep(0.5 * time_scale)  # the runtime has renewed what it renews after a fork
    everybody = [zygote, *programs_below(zygote)]
    assert len(everybody) == 3
    for one, other in itertools.combinations(everybody, 2):
        assert [
            pair for pair in itertools.product(files_of(one), files_of(other)) if same_file(one, other, *pair)
        ] == []
    for each in submitted:
        assert Caller("127.0.0.1", port).finished(each).json()["evidence"]["warm_start"]


def programs_below(zygote):
    """Return the programs that run: their inits have no capabilities any more."""
    inits = [pid for pid in proc.children(zygote) if int(proc.status(pid).get("CapPrm", "1"), 16) == 0]
    return [program for init in inits for program in proc.children(init)]


def files_of(pid):
    return [int(name) for name in proc.names(Path(f"/proc/{pid}/fd"))]


def same_file(one, other, one_fd, other_fd):
    number = {"x86_64": 312, "aarch64": 272}[os.uname().machine]
    order = ctypes.CDLL(None, use_errno=True).syscall(number, one, other, 0, one_fd, other_fd)
    assert order >= 0 or ctypes.get_errno() == errno.EBADF  # closed meanwhile
    return order == 0


def test_a_zygote_that_another_stands_in_for_must_have_ended():
    with contextlib.ExitStack() as ending:
        older, younger = (ending.enter_context(sleeper()) for _ in range(2))
        kind = (1, "python", "8388608")
        zygotes = [Zygote(older.pid, "100", kind), Zygote(younger.pid, "200", kind)]
        other = Zygote(younger.pid, "50", (1, "ruby", "8388608"))
        assert seen(*zygotes, other).replaced == [zygotes[0]]
        # One that a cell still lives on may stay.
        mother = ending.enter_context(sleeper("sleep 60 & wait"))
        until(lambda: proc.children(mother.pid))
        assert seen(Zygote(mother.pid, "100", kind), zygotes[1]).replaced == []
        for pid in proc.children(mother.pid):
            os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def sleeper(script="exec sleep 60"):
    process = subprocess.Popen(["/bin/sh", "-c", script])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def seen(*zygotes):
    return Standing(spawners=[], zygotes=list(zygotes), waiting=[], strays=[], stray_groups=[])
