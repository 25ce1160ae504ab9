"""How runs end: by exit, by signal, with orphans, or because a process of ours died."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from cellblock.engine import watch
from cellblock.errors import CellLostError, SandboxError
from cellblock.model import OutputIntegrity, Verdict, VerdictActor, VerdictCause
from cellblock.sandbox import cell, cgroup_v1, cgroup_v2
from cellblock.verdict.judge import KILLED_FOR_WALL
from sandbox.cells import children_of, kill_reasons, opened, until

SLEEPS = "import os, time\nos.write(1, b'up')\nos.fork()\ntime.sleep(60)"


@pytest.mark.parametrize("code", [0, 1, 3, 137, 139, 255])
def test_exit_codes_are_the_programs_own(cells, code):
    outcome = cells.run(f"raise SystemExit({code})")
    expected = (Verdict.RE, VerdictCause.RE_NONZERO_EXIT) if code else (Verdict.AC, VerdictCause.NORMAL_EXIT)
    assert (outcome.verdict, outcome.evidence.verdict_cause) == expected
    assert (outcome.exit_code, outcome.signal) == (code, None)
    assert outcome.evidence.verdict_actor is VerdictActor.RUNTIME


def test_outcome_says_where_its_time_went(cells):
    begun_ns = time.monotonic_ns()
    outcome = cells.run("import time; time.sleep(0.05)")
    took_ns = time.monotonic_ns() - begun_ns
    times = outcome.times
    assert 0 <= times.spawn_ns <= times.prepare_ns
    assert min(times.prepare_ns, times.collect_ns, times.judge_ns) > 0
    assert outcome.wall_time_ns >= 50_000_000
    assert times.prepare_ns + outcome.wall_time_ns + times.collect_ns + times.judge_ns <= took_ns


@pytest.mark.parametrize(
    "number",
    [
        *(signal.SIGSEGV, signal.SIGABRT, signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP),
        *(
            signal.SIGBUS,
            signal.SIGFPE,
            signal.SIGILL,
            signal.SIGPIPE,
            signal.SIGSYS,
            signal.SIGUSR1,
            signal.SIGRTMIN,
        ),
    ],
)
def test_a_fatal_signal_is_named_and_is_no_exit_code(cells, number):
    outcome = cells.run(f"""
        import os, signal
        if {number} != signal.SIGKILL: signal.signal({number}, signal.SIG_DFL)
        os.kill(os.getpid(), {number})
    """)
    assert (outcome.verdict, outcome.exit_code, outcome.signal) == (Verdict.SIG, None, number)
    assert outcome.evidence.verdict_cause is VerdictCause.RE_FATAL_SIGNAL
    assert outcome.evidence.verdict_actor is VerdictActor.KERNEL


@pytest.mark.parametrize(
    ("number", "verdict"), [(signal.SIGXCPU, Verdict.TLE), (signal.SIGXFSZ, Verdict.FSE)]
)
def test_the_limit_signals_mean_their_limits(cells, number, verdict):
    outcome = cells.run(
        f"import os, signal; signal.signal({number}, signal.SIG_DFL); os.kill(os.getpid(), {number})"
    )
    assert (outcome.verdict, outcome.signal) == (verdict, number)


def test_a_real_segmentation_fault_is_a_signal(cells):
    outcome = cells.run("import ctypes; ctypes.string_at(0)")
    assert (outcome.verdict, outcome.signal) == (Verdict.SIG, signal.SIGSEGV)


ORPHANS = {
    "holding the pipes": "import os, time\nif os.fork() == 0: time.sleep(60)",
    "in a session of its own": "import os, time\nif os.fork() == 0: os.setsid(); time.sleep(60)",
    "forked twice": """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0: time.sleep(60)
    os._exit(0)
os.wait()
""",
    "spinning": "import os\nif os.fork() == 0:\n while True: pass",
    "writing without end": "import os\nif os.fork() == 0:\n while True: os.write(1, b'y' * 4096)",
    "stopped": "import os, signal\nif os.fork() == 0: os.kill(os.getpid(), signal.SIGSTOP)",
    "ignoring every signal": """
import os, signal, time
if os.fork() == 0:
    for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN)
    time.sleep(60)
""",
}


@pytest.mark.parametrize("code", ORPHANS.values(), ids=ORPHANS)
def test_orphans_end_with_the_program_and_are_counted(cells, code):
    outcome = cells.run(code + "\nos.write(1, b'done\\n')")
    assert (outcome.verdict, outcome.exit_code) == (Verdict.AC, 0)
    # The one that writes may have filled the bound by then, on a slow machine.
    truncated = outcome.output_integrity is OutputIntegrity.TRUNCATED_BY_JUDGE_LIMIT
    assert truncated or b"done\n" in outcome.stdout
    lifecycle = outcome.evidence.process_lifecycle
    assert lifecycle.reap_status.startswith("reaped_")
    assert lifecycle.zombie_count == 0
    assert kill_reasons(outcome) == ["1 processes outlived the program"]
    assert outcome.evidence.timing.wall_ms < 1000 * cells.time_scale


def test_children_that_the_program_waited_for_leave_a_clean_end(cells):
    outcome = cells.run("import subprocess; subprocess.run(['/bin/true']); subprocess.run(['/bin/true'])")
    assert outcome.evidence.process_lifecycle.reap_status == "clean"
    assert outcome.evidence.judge_actions == ()


def test_init_reaps_orphans_that_end_before_the_program(cells):
    outcome = cells.run("""
        import os, time
        if os.fork() == 0:
            os.fork() or os._exit(time.sleep(0.1) or 0)
            os._exit(0)
        os.wait()
        time.sleep(0.3)
    """)
    assert outcome.evidence.process_lifecycle.reap_status == "reaped_1_descendants"
    assert outcome.evidence.judge_actions == ()


def test_wall_time_is_the_programs_own(cells):
    outcome = cells.run("import time; time.sleep(0.3)")
    timing = outcome.evidence.timing
    assert 300 <= timing.wall_ms <= 300 + 500 * cells.time_scale
    assert timing.wall_ms == round(outcome.wall_time_ns / 1_000_000)
    assert timing.cpu_ms == round(outcome.evidence.cgroup.cpu_usage_usec / 1000)
    assert timing.cpu_wall_ratio == round(timing.cpu_ms / timing.wall_ms, 2)


def test_a_program_that_ended_in_time_is_not_told_as_killed_where_its_end_is_heard_of_late(
    cells, monkeypatch
):
    """A loop that comes late may run the timer before it reads what init has said."""
    watches = []
    run = watch.Watch.run
    monkeypatch.setattr(watch.Watch, "run", lambda each: (watches.append(each), run(each))[1])

    async def ended_unheard():
        running = asyncio.create_task(cells.running("import time; time.sleep(0.3); print('done')"))
        while not (watches and watches[0]._cell.released_ns):  # noqa: ASYNC110  # nothing tells
            await asyncio.sleep(0.01)
        time.sleep(1.0 * cells.time_scale)  # noqa: ASYNC251  # nothing is heard meanwhile
        watches[0]._kill(KILLED_FOR_WALL)
        return await running

    outcome = cells.call(ended_unheard())
    assert (outcome.verdict, outcome.stdout) == (Verdict.AC, b"done\n")
    assert outcome.evidence.judge_actions == ()


# ---- processes of ours that die ----


async def _processes(cells, count):
    """Wait until so many are there; init counts twice, as the spawner's child and under its uid."""
    while len(set(cells.processes())) < count:  # noqa: ASYNC110  # nothing tells of another process's fork
        await asyncio.sleep(0.01)


async def _run_and_kill(cells, victim):
    """Start a run, kill what ``victim`` names once the program is up, return the outcome."""
    running = asyncio.create_task(cells.running(SLEEPS))
    await _processes(cells, 3)  # init, program, its child
    os.kill(victim(cells), signal.SIGKILL)
    return await running


def _init(cells):
    (pid,) = children_of(cells.spawner_pid)
    return pid


def _program(cells):
    (pid,) = children_of(_init(cells))
    return pid


@pytest.fixture
def own_cells(time_scale):
    with opened(time_scale) as cells:
        yield cells


@pytest.mark.parametrize("victim", [lambda cells: cells.spawner_pid, _init], ids=["spawner", "init"])
def test_a_run_whose_helper_process_dies_is_lost_and_leaves_nothing(own_cells, victim):
    with pytest.raises(CellLostError):
        own_cells.call(_run_and_kill(own_cells, victim))
    assert own_cells.groups() == []
    own_cells.assert_next_run_works()
    own_cells.assert_nothing_is_left()


def test_a_program_killed_from_outside_is_a_signal(own_cells):
    outcome = own_cells.call(_run_and_kill(own_cells, _program))
    assert (outcome.verdict, outcome.signal) == (Verdict.SIG, signal.SIGKILL)
    own_cells.assert_nothing_is_left()


def test_all_runs_of_a_spawner_that_dies_are_lost_and_the_next_one_has_another(own_cells):
    async def all_of_them():
        runs = [asyncio.create_task(own_cells.running(SLEEPS)) for _ in range(4)]
        await _processes(own_cells, 12)
        os.kill(own_cells.spawner_pid, signal.SIGKILL)
        return await asyncio.gather(*runs, return_exceptions=True)

    assert [type(lost) for lost in own_cells.call(all_of_them())] == [CellLostError] * 4
    own_cells.assert_next_run_works()
    own_cells.assert_nothing_is_left()


def test_a_group_that_will_not_kill_is_our_failure_and_leaves_nothing(own_cells, monkeypatch):
    """Init is ended all the same, and everything with it."""

    def refuse(_group):
        raise SandboxError("cgroup_limit", errno.EIO, "cgroup.kill = 1")

    for group in (cgroup_v1.CellCgroupV1, cgroup_v2.CellCgroupV2):
        monkeypatch.setattr(group, "kill", refuse)
    outcome = own_cells.run("while True: pass", cpu_ms=200)
    assert outcome.verdict is Verdict.IE
    assert "cgroup.kill" in outcome.error_message
    own_cells.assert_nothing_is_left()


class StrangerInside:
    """A process that is none of the cell's, and that nobody ends with it."""

    def __init__(self, group, monkeypatch):
        monkeypatch.setattr(cgroup_v2.CellCgroupV2, "kill", lambda _: None)
        self._process = subprocess.Popen(["/bin/sleep", "60"])
        (group / "cgroup.procs").write_text(str(self._process.pid))

    def go(self):
        self._process.kill()
        self._process.wait()


class GroupInside:
    """A group below the cell's."""

    def __init__(self, group, _monkeypatch):
        self._group = group / "below"
        self._group.mkdir()

    def go(self):
        self._group.rmdir()


@pytest.mark.parametrize("obstacle", [StrangerInside, GroupInside])
def test_a_group_that_cannot_be_removed_is_our_failure_and_goes_when_it_can(own_cells, monkeypatch, obstacle):
    monkeypatch.setattr(cell, "_REMOVE_TIMEOUT_S", 0.1)
    in_the_way = []
    free = len(own_cells.host._block._free)

    async def run():
        running = asyncio.create_task(own_cells.running(SLEEPS, wall_ms=1_000))
        await _processes(own_cells, 3)
        in_the_way.extend(obstacle(group, monkeypatch) for group in own_cells.groups())
        return await running

    with monkeypatch.context() as patch:
        patch.setattr(own_cells, "_assert_sound", lambda *_: None)
        outcome = own_cells.call(run())
    try:
        assert (outcome.verdict, outcome.evidence.verdict_cause) == (
            Verdict.IE,
            VerdictCause.IE_CLEANUP_FAILURE,
        )
        assert not outcome.evidence.facts.contained
        assert outcome.evidence.process_lifecycle.descendant_containment == "failed"
        stuck = own_cells.groups()
        assert stuck
        own_cells.assert_next_run_works()
        assert own_cells.groups() == stuck
        assert len(own_cells.host._block._free) == free - 1, "the uids of what may be left are nobody's"
    finally:
        for each in in_the_way:
            each.go()
    own_cells.assert_next_run_works()
    own_cells.assert_nothing_is_left()
    assert len(own_cells.host._block._free) == free


def test_uids_of_an_init_that_outlives_its_killing_are_nobodys_though_its_group_can_be_removed(
    own_cells, monkeypatch
):
    monkeypatch.setattr(cell, "_REMOVE_TIMEOUT_S", 0.1)
    monkeypatch.setattr(cell, "_END_TIMEOUT_S", 0.1)
    free = len(own_cells.host._block._free)

    async def run_and_be_lost():
        running = asyncio.create_task(own_cells.running(SLEEPS))
        await _processes(own_cells, 3)
        with monkeypatch.context() as patch:
            patch.setattr(cell.Cell, "kill", lambda _: None)
            for pid in own_cells.processes():
                os.kill(pid, signal.SIGSTOP)  # init would end when it hears that we are gone
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running

    own_cells.call(run_and_be_lost())
    left = set(own_cells.processes())
    assert len(left) == 3
    for group in own_cells.groups():
        away = group.parent if own_cells.host.cgroup_backend == "cgroup_v1" else Path("/sys/fs/cgroup")
        for pid in left:
            (away / "cgroup.procs").write_text(str(pid))
    own_cells.assert_next_run_works()
    assert len(own_cells.host._block._free) == free - 1
    for pid in left:
        with contextlib.suppress(ProcessLookupError):  # init, where it was first, has taken the others along
            os.kill(pid, signal.SIGKILL)
    until(lambda: own_cells.processes() == [], 5 * own_cells.time_scale)
    own_cells.assert_next_run_works()
    own_cells.assert_nothing_is_left()
    assert len(own_cells.host._block._free) == free


def test_a_cancelled_run_leaves_nothing(own_cells):
    async def cancel():
        running = asyncio.create_task(own_cells.running(SLEEPS))
        await _processes(own_cells, 3)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    own_cells.call(cancel())
    own_cells.assert_nothing_is_left()
    own_cells.assert_next_run_works()
