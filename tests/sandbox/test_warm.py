"""Programs that go on from a booted runtime: held and ended as after a cold start, and as alone."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time

import pytest

from cellblock.errors import CellLostError, SandboxError
from cellblock.model import Outcome, Profile, SourceFile, Verdict, VerdictCause
from cellblock.sandbox import pool
from sandbox.cells import MIB, Cells, children_of, kill_reasons, opened, until
from sandbox.waiting import drop, observe_warm, prepare, run_warm, shape_of, tick, zygote_pids

SIGKILL = 9


# ---- the same as cold ----

ALL = """
import json, os, resource, signal, sys, threading
def text(name): return open(f"/proc/self/{name}", "rb").read().decode(errors="replace")
status = dict(line.split(":\\t", 1) for line in text("status").splitlines())
kept = ("Name Umask State Groups NoNewPrivs Seccomp Threads SigPnd ShdPnd SigBlk SigIgn SigCgt"
        " CapInh CapPrm CapEff CapBnd CapAmb NStgid NSpid NSpgid NSsid").split()
own = os.stat("/box").st_uid
print(json.dumps({
    "descriptors": {name: os.readlink(f"/proc/self/fd/{name}").split(":")[0] for name in ("0", "1", "2")},
    "how many": len(os.listdir("/proc/self/fd")),
    "argv": sys.argv, "orig_argv": sys.orig_argv, "environ": dict(os.environ), "path": sys.path,
    "flags": repr(sys.flags), "executable": [sys.executable, os.readlink("/proc/self/exe")],
    "proc environ": text("environ"), "cmdline": text("cmdline"), "comm": text("comm"),
    "modules": sorted(sys.modules), "globals": sorted(globals()), "cwd": os.getcwd(),
    "signals": {int(s): repr(signal.getsignal(s)) for s in signal.valid_signals()},
    "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    "limits": {n: resource.getrlimit(getattr(resource, n)) for n in dir(resource) if n[:7] == "RLIMIT_"},
    "ids": [n == own for n in (*os.getresuid(), *os.getresgid())] + os.getgroups(),
    "processes": [os.getpid(), os.getppid(), os.getsid(0), os.getpgid(0), threading.get_native_id()],
    "status": {name: status.get(name) for name in kept}, "nice": os.nice(0),
    "cpus": sorted(os.sched_getaffinity(0)), "box": sorted(os.listdir("/box")),
    "mounts": sorted(line.split()[1] for line in open("/proc/self/mounts")),
    "tmp": os.listdir("/tmp"), "locale": sys.getfilesystemencoding(), "stdin": sys.stdin.read(),
}))
"""


def test_program_finds_what_it_would_find_after_a_cold_start(warm, cells):
    more = {"stdin": b"said", "open_files": 33, "cpu_ms": 3_000}
    cold = cells.run(ALL, **more)
    assert not cold.evidence.warm_start
    found, expected = observe_warm(warm, ALL, **more), json.loads(cold.stdout)
    # Where the kernel does not let its end be moved, what was taken out of the environment is blank.
    for one in (found, expected):
        one["proc environ"] = one["proc environ"].rstrip("\0")
    assert found == expected


def test_every_control_holds_in_a_cell_of_a_zygote(warm, cells):
    held = run_warm(warm, "pass").evidence
    assert held.controls_missing == ()
    assert held.controls_applied == cells.run("pass").evidence.controls_applied


def test_stack_goes_as_deep_as_after_a_cold_start(warm, cells):
    code = """
        import sys
        sys.setrecursionlimit(10 ** 6)
        def down(n): return n and 1 + max([n - 1], key=down)
        print(down(10_000))
    """
    assert run_warm(warm, code).verdict is cells.run(code).verdict


def test_two_programs_of_one_zygote_see_nothing_of_each_other(warm):
    first = """
        import builtins, json, os, sys, string
        for path in ("/box/left", "/tmp/left", "/dev/shm/left"): open(path, "w").write("mine")
        os.environ["LEFT"] = sys.left = builtins.left = string.left = "mine"
        print(json.dumps(os.getpid()))
    """
    second = """
        import builtins, json, os, sys, string
        print(json.dumps([
            [name for place in ("/box", "/tmp", "/dev/shm") for name in os.listdir(place)],
            "LEFT" in os.environ, [hasattr(module, "left") for module in (sys, builtins, string)],
        ]))
    """
    observe_warm(warm, first)
    before = zygote_pids(warm)
    prepare(warm)  # both wait at the same time, too
    found, *rest = observe_warm(warm, second)
    assert zygote_pids(warm) == before
    assert found == ["main.py"]
    assert rest[:2] == [False, [False] * 3]
    assert warm.run(second).evidence.warm_start


def test_two_programs_of_one_zygote_run_beside_each_other_alone(warm):
    prepare(warm)
    prepare(warm)
    code = """
        import os, time
        open("/tmp/x", "x")
        time.sleep(0.3)
        print(len([name for name in os.listdir("/proc") if name.isdigit()]))
    """

    async def both() -> list[Outcome]:
        return await asyncio.gather(warm.running(code), warm.running(code))

    for outcome in warm.call(both()):
        assert outcome.evidence.warm_start
        assert (outcome.verdict, outcome.stdout) == (Verdict.AC, b"1\n"), outcome.stderr


def test_random_numbers_of_two_programs_differ(warm):
    code = """
        import json, os, random, uuid
        print(json.dumps([random.random(), uuid.uuid4().hex, os.urandom(4).hex()]))
    """
    one, other = observe_warm(warm, code), observe_warm(warm, code)
    assert all(a != b for a, b in zip(one, other, strict=True))


# ---- the limits ----


def test_memory_limit_holds_and_counts_what_came_from_the_zygote(warm):
    outcome = run_warm(warm, "x = b'x' * (1 << 30)", memory_bytes=64 * MIB)
    assert outcome.verdict is Verdict.MLE
    assert run_warm(warm, "x = b'x' * (40 << 20); print(len(x))", memory_bytes=64 * MIB).verdict is Verdict.AC
    assert warm.run("x = b'x' * (62 << 20)", memory_bytes=64 * MIB).verdict is Verdict.MLE


def test_cpu_limit_holds_and_counts_from_the_handing_over(warm):
    outcome = run_warm(warm, "while True: pass", cpu_ms=500)
    evidence = outcome.evidence
    assert (outcome.verdict, outcome.signal) == (Verdict.TLE, SIGKILL)
    assert evidence.verdict_cause is VerdictCause.TLE_CPU_JUDGE
    assert kill_reasons(outcome) == ["cpu_limit"]
    assert evidence.limits.cpu_ms <= evidence.timing.cpu_ms <= evidence.limits.cpu_ms + 300 * warm.time_scale
    short = run_warm(warm, "import os; print(int(sum(os.times()[:2]) * 1000))", cpu_ms=500)
    assert short.evidence.timing.cpu_ms <= int(short.stdout) + 100 * warm.time_scale


def test_wall_clock_counts_from_the_handing_over(warm):
    prepare(warm, wall_ms=600)
    time.sleep(0.7)  # longer than the program may take
    outcome = warm.run("print(1)", wall_ms=600)
    assert (outcome.verdict, outcome.evidence.warm_start) == (Verdict.AC, True)
    assert outcome.evidence.timing.wall_ms < 600 * warm.time_scale
    late = run_warm(warm, "import time; time.sleep(60)", wall_ms=300)
    assert (late.verdict, late.evidence.verdict_cause) == (Verdict.TLE, VerdictCause.TLE_WALL_JUDGE)


def test_process_limit_holds(warm):
    outcome = run_warm(
        warm, "import os, time\nwhile True: os.fork() or time.sleep(9)", wall_ms=3_000, processes=7
    )
    assert (outcome.verdict, outcome.evidence.verdict_cause) == (Verdict.PLE, VerdictCause.PLE_CGROUP_PIDS)
    assert outcome.evidence.cgroup.process_limit == 7


def test_forbidden_call_is_stopped_and_named(warm):
    outcome = run_warm(warm, "import ctypes; ctypes.CDLL(None).unshare(0)")
    assert outcome.verdict is Verdict.SIG
    assert outcome.evidence.seccomp.syscall == "unshare"


def test_output_and_exit_are_the_programs_own(warm):
    outcome = run_warm(warm, "import sys; print('out'); print('err', file=sys.stderr); sys.exit(7)")
    assert (outcome.verdict, outcome.exit_code) == (Verdict.RE, 7)
    assert (outcome.stdout, outcome.stderr) == (b"out\n", b"err\n")
    broken = run_warm(warm, "def f(): return 1 / 0\nf()")
    assert b'File "/box/main.py", line 2, in <module>' in broken.stderr


# ---- cells that wait ----


def until_noticed(cells: Cells) -> None:
    """Wait until the instance knows of none that waits and is usable."""
    demands = cells.host._pool._demands.values
    tick(cells, lambda: not any(one.is_usable for demand in demands() for one in demand.cells))


def test_cell_whose_spawner_was_killed_while_it_waited_is_not_used(own):
    prepare(own)
    os.kill(own.spawner_pid, signal.SIGKILL)
    until_noticed(own)
    assert own.run("print(1)").stdout == b"1\n"


def test_cell_whose_zygote_was_killed_while_it_waited_is_not_used(own):
    prepare(own)
    (pid,) = zygote_pids(own)
    os.kill(pid, signal.SIGKILL)
    until_noticed(own)
    assert own.run("print(1)").stdout == b"1\n"
    prepare(own)
    assert pid not in zygote_pids(own)
    assert own.run("print(1)").evidence.warm_start


def test_a_run_whose_zygote_is_killed_is_lost_and_leaves_nothing(own):
    prepare(own)
    (pid,) = zygote_pids(own)

    async def run_and_kill() -> None:
        running = asyncio.create_task(own.running("import os, time\nos.fork()\ntime.sleep(60)"))
        await asyncio.sleep(0.3)
        assert not running.done()
        os.kill(pid, signal.SIGKILL)
        await running

    with pytest.raises(CellLostError):
        own.call(run_and_kill())
    drop(own)
    until(lambda: pid not in children_of(own.spawner_pid), 5 * own.time_scale)
    own.assert_nothing_is_left()
    own.assert_next_run_works()


def test_a_zygote_that_is_killed_while_it_boots_means_a_cold_start(own):
    async def kill_at_once() -> None:
        before = children_of(own.spawner_pid)
        making = asyncio.create_task(own.host.prepare_ahead(shape_of(own, own._runtime(Profile.JUDGE, {}))))
        # Nothing tells of another process's fork.
        while not (new := set(children_of(own.spawner_pid)) - set(before)):  # noqa: ASYNC110
            await asyncio.sleep(0)
        os.kill(new.pop(), signal.SIGKILL)
        await making

    with pytest.raises(SandboxError):
        own.call(kill_at_once())
    assert zygote_pids(own) == []
    own.assert_nothing_is_left()
    assert not own.run("print(1)").evidence.warm_start


@pytest.mark.parametrize("settings", [{"warm_starts": "false"}, {"pool_cells_max": "0"}], ids=str)
def test_what_is_switched_off_means_cold_starts(time_scale, settings):
    with opened(time_scale, **{"warm_starts": "true", "pool_cells_max": "4", **settings}) as cells:
        for _ in range(3):
            assert not cells.run("pass").evidence.warm_start
        assert zygote_pids(cells) == []


def test_hidden_files_mean_a_cold_start(warm):
    prepare(warm)
    assert not warm.run("pass", files=(SourceFile(".pythonrc", b""),)).evidence.warm_start


def test_pool_comes_by_itself_for_what_is_run_again(own):
    assert not own.run("pass").evidence.warm_start
    tick(own, lambda: own.host.waiting_cells)
    assert own.run("pass").evidence.warm_start


def test_memory_that_is_short_empties_the_pool(own, monkeypatch):
    own.run("pass")
    tick(own, lambda: own.host.waiting_cells)
    monkeypatch.setattr(pool, "_memory_is_short", lambda: True)
    tick(own, lambda: own.host.waiting_cells == 0)
    assert own.run("print(1)").stdout == b"1\n"
