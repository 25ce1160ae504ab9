"""What an attacker once found, and finds no longer."""

from __future__ import annotations

import asyncio
import resource
import time

import pyseccomp
import pytest

from cellblock.model import OutputIntegrity, Verdict
from cellblock.sandbox.features import core_limit_bytes
from sandbox.cells import MIB, kill_reasons

UNSHARE = pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, "unshare")


@pytest.mark.parametrize("busy_us", [0, 20, 50, 100, 200, 400])
def test_forbidden_call_of_a_child_decides_even_while_the_program_exits(cells, busy_us):
    for _ in range(5):
        outcome = cells.run(f"""
            import ctypes, mmap, os, time
            libc = ctypes.CDLL(None)
            shared = mmap.mmap(-1, 4096)
            if os.fork() == 0:
                shared[0] = 1
                libc.syscall({UNSHARE}, 0x10000000)
                os._exit(0)
            while not shared[0]: pass
            until = time.perf_counter() + {busy_us} / 1e6
            while time.perf_counter() < until: pass
            libc._exit(0)
        """)
        called = outcome.evidence.seccomp is not None
        assert outcome.verdict is (Verdict.SIG if called else Verdict.AC)
        assert ("seccomp" in kill_reasons(outcome)) == called


def test_signal_handler_does_not_let_a_stopped_call_go_on(cells):
    for _ in range(5):
        outcome = cells.run(f"""
            import ctypes, signal
            libc = ctypes.CDLL(None)
            libc.signal(signal.SIGALRM, libc._exit)
            signal.setitimer(signal.ITIMER_REAL, 0.0001)
            libc.syscall({UNSHARE}, 0x10000000)
            libc._exit(0)
        """)
        assert outcome.evidence.seccomp is None or outcome.verdict is Verdict.SIG


TINY_WRITES = """
    import fcntl, os
    if {packets}:
        fcntl.fcntl(1, fcntl.F_SETFL, os.O_DIRECT | os.O_WRONLY)
    while True: os.write(1, b"ab")
"""


@pytest.mark.parametrize("packets", [False, True])
def test_flood_of_tiny_writes_costs_us_neither_memory_nor_a_core(cells, packets):
    before_s, begun_s = time.process_time(), time.monotonic()
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcome = cells.run(TINY_WRITES.format(packets=packets), cpu_ms=1_000, wall_ms=1_500)
    assert outcome.verdict is Verdict.TLE
    assert set(outcome.stdout) == set(b"ab")
    assert time.process_time() - before_s < 0.8 * (time.monotonic() - begun_s)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak_kib < 60 * 1024


def test_descriptors_lost_in_a_socket_are_no_fault_of_ours(cells):
    outcome = cells.run("""
        import array, os, socket
        os.write(1, b"said")
        for _ in range(6):
            a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
            rights = array.array("i", [a.fileno(), b.fileno(), 1, 2])
            a.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
        os._exit(0)
    """)
    assert (outcome.verdict, outcome.stdout) == (Verdict.AC, b"said")
    assert outcome.output_integrity is OutputIntegrity.COMPLETE
    assert outcome.evidence.collection_errors == ()


def test_output_is_kept_that_comes_through_a_pipe_opened_anew(cells):
    outcome = cells.run("""
        import os, time
        reader = os.open("/proc/self/fd/1", os.O_RDONLY | os.O_NONBLOCK)
        os.write(1, b"before\\n"); time.sleep(0.05)
        os.close(1); os.close(2); time.sleep(0.05)
        writer = os.open(f"/proc/self/fd/{reader}", os.O_WRONLY)
        os.write(writer, b"answer: 42\\n")
    """)
    assert outcome.verdict is Verdict.AC
    assert outcome.stdout in {b"before\nanswer: 42\n", b"before\n"}
    if outcome.stdout == b"before\n":  # its own reader took the rest away
        assert outcome.output_integrity is not OutputIntegrity.COMPLETE


def test_every_cell_gets_its_share_where_the_host_can_share_the_cpu(cells):
    paths = cells.host._tree.paths
    shares = [path for path in paths if (path / "cpu.shares").exists()]
    weights = (
        [path for path in paths if "cpu" in (path / "cgroup.subtree_control").read_text().split()]
        if not shares
        else []
    )
    assert shares or weights, "neither generation's control is there"

    async def found_inside():
        running = asyncio.create_task(cells.running("import time; time.sleep(0.5)"))
        inside = set()
        while not running.done():
            for path in shares or weights:
                inside |= {procs.read_text().strip() for procs in path.glob("c*/cgroup.procs")}
            await asyncio.sleep(0.01)
        await running
        return inside - {""}

    assert cells.call(found_inside())


@pytest.mark.parametrize(("pattern", "limit"), [("core\n", 0), ("|/usr/lib/coredump %P\n", 1)])
def test_core_limit_is_the_one_that_also_stops_a_pipe(monkeypatch, tmp_path, pattern, limit):
    path = tmp_path / "core_pattern"
    path.write_text(pattern)
    monkeypatch.setattr("cellblock.sandbox.features._CORE_PATTERN", str(path))
    assert core_limit_bytes() == limit


def test_output_of_megabytes_is_not_slowed_by_the_pauses(cells):
    outcome = cells.run("import sys; [sys.stdout.write('x' * 1023 + chr(10)) for _ in range(8192)]")
    assert (outcome.verdict, len(outcome.stdout)) == (Verdict.AC, 8 * MIB)
    assert outcome.wall_time_ns < 1e9 * cells.time_scale
