"""Every limit ends the program that reaches it, in time, and the evidence says which it was."""

from __future__ import annotations

import pytest

from cellblock.engine import watch
from cellblock.errors import CellLostError
from cellblock.model import Stage, Verdict, VerdictActor, VerdictCause
from cellblock.sandbox.requests import cpu_backstop_s
from sandbox.cells import MIB, kill_reasons, opened

SIGKILL, SIGXCPU, SIGXFSZ = 9, 24, 25

SPINNERS = {
    "one loop": "while True: pass",
    "several processes": """
        import os
        for _ in range(3):
            os.fork() or any(iter(int, 1))
        os.wait()
    """,
    "several threads": """
        import threading
        def spin():
            while True: pass
        for _ in range(4): threading.Thread(target=spin).start()
    """,
    "SIGXCPU and all else ignored": """
        import signal
        for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_IGN)
        while True: pass
    """,
    "system calls": """
        import os
        while True: os.stat("/usr")
    """,
    "children that come and go": """
        import os
        while True:
            os.fork() or os._exit(0)
            os.wait()
    """,
}


@pytest.mark.parametrize("code", SPINNERS.values(), ids=SPINNERS)
def test_cpu_limit_holds_for_everything_in_the_cell_together(cells, code):
    outcome = cells.run(code, cpu_ms=500, wall_ms=5_000)
    evidence = outcome.evidence
    limit_ms = evidence.limits.cpu_ms
    assert (outcome.verdict, outcome.exit_code, outcome.signal) == (Verdict.TLE, None, SIGKILL)
    assert (evidence.verdict_cause, evidence.verdict_actor) == (
        VerdictCause.TLE_CPU_JUDGE,
        VerdictActor.JUDGE,
    )
    assert kill_reasons(outcome) == ["cpu_limit"]
    assert limit_ms <= evidence.timing.cpu_ms <= limit_ms + 300 * cells.time_scale
    assert evidence.cgroup.cpu_usage_usec >= limit_ms * 1000


def test_kernel_ends_a_program_at_its_own_lower_cpu_limit(cells):
    outcome = cells.run(
        """
        import resource
        resource.setrlimit(resource.RLIMIT_CPU, (1, 2))
        while True: pass
        """,
        cpu_ms=3_000,
    )
    assert (outcome.verdict, outcome.signal) == (Verdict.TLE, SIGXCPU)
    assert outcome.evidence.verdict_cause is VerdictCause.TLE_CPU_KERNEL
    assert outcome.evidence.verdict_actor is VerdictActor.KERNEL


DEAF = "import signal; signal.signal(signal.SIGXCPU, signal.SIG_IGN)"
CHILD = "import os, sys\nif os.fork(): sys.exit(os.wait()[1] != 0)"


@pytest.mark.parametrize(
    ("code", "ended"),
    [("", (None, SIGXCPU)), (DEAF, (None, SIGKILL)), (CHILD, (1, None))],
    ids=["plain", "deaf", "a child"],
)
def test_kernel_ends_a_program_whose_judge_is_late(cells, monkeypatch, code, ended):
    monkeypatch.setattr(watch, "_SHORTEST_PAUSE_S", 60)
    outcome = cells.run(f"{code}\nwhile True: pass", cpu_ms=500, wall_ms=30_000)
    evidence = outcome.evidence
    assert (outcome.verdict, outcome.exit_code, outcome.signal) == (Verdict.TLE, *ended)
    assert (evidence.verdict_cause, evidence.verdict_actor) == (
        VerdictCause.TLE_CPU_KERNEL,
        VerdictActor.KERNEL,
    )
    assert evidence.facts.cpu_limit_usec == evidence.limits.cpu_ms * 1000
    assert evidence.judge_actions == ()


TICKS_MISS = 0.1
"""Counted by ticks, a process has been seen to have used 7 % more than it had, where many wanted to run."""


@pytest.mark.parametrize("cpu_ms", [1, 1_000, 1_001, 15_000, 600_000])
def test_kernels_own_limit_comes_after_the_judges_however_it_counts(cpu_ms):
    assert cpu_ms / 1000 < cpu_backstop_s(cpu_ms) * (1 - TICKS_MISS) <= cpu_ms / 1000 * 1.25 + 2


SLEEPERS = {
    "sleeping": "import time; time.sleep(60)",
    "ignoring every signal": """
        import signal, time
        for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_IGN)
        while True: time.sleep(60)
    """,
    "stopped": "import os, signal; os.kill(0, signal.SIGSTOP)",
    "waiting for input that is a pipe of its own": "import os; os.read(os.pipe()[0], 1)",
    "without any descriptor": "import os, time; os.closerange(0, 1024); time.sleep(60)",
    "in a session of its own": "import os, time\nif os.fork() == 0: os.setsid(); time.sleep(60)\nos.wait()",
}


@pytest.mark.parametrize("code", SLEEPERS.values(), ids=SLEEPERS)
def test_wall_limit_ends_a_program_that_uses_no_cpu(cells, code):
    outcome = cells.run(code, wall_ms=500)
    evidence = outcome.evidence
    limit_ms = evidence.limits.wall_ms
    assert (outcome.verdict, outcome.exit_code, outcome.signal) == (Verdict.TLE, None, SIGKILL)
    assert (evidence.verdict_cause, evidence.verdict_actor) == (
        VerdictCause.TLE_WALL_JUDGE,
        VerdictActor.JUDGE,
    )
    (action,) = evidence.judge_actions
    assert (action.action, action.reason) == ("kill", "wall_limit")
    assert limit_ms <= action.at_ms <= limit_ms + 500 * cells.time_scale
    assert limit_ms <= evidence.timing.wall_ms <= limit_ms + 500 * cells.time_scale
    assert outcome.wall_time_ns >= limit_ms * 1_000_000


SOCKETS = """
import socket

own = ("127.0.0.1", 0)
kept, held = [], 0

def tcp():
    listener = socket.create_server(own)
    while True:
        near = socket.socket()
        near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
        near.connect(listener.getsockname())
        yield near, listener.accept()[0]

def udp():
    while True:
        near, far = (socket.socket(type=socket.SOCK_DGRAM) for _ in range(2))
        far.bind(own)
        near.connect(far.getsockname())
        yield near, far

try:
    for near, far in WAY():
        kept += [near, far]
        near.setblocking(False)
        far.setblocking(False)
        try:
            for _ in range(MOST):
                near.send(bytes(1 << 15))
        except BlockingIOError:
            pass
except OSError:
    pass
for each in kept:
    try:
        while chunk := each.recv(1 << 16):
            held += len(chunk)
    except OSError:
        pass
print(held)
"""


@pytest.mark.parametrize(("way", "most"), [("tcp", 256), ("udp", 8)])
def test_what_waits_in_sockets_is_bounded_too(cells, way, most):
    limits = {"memory_bytes": 64 * MIB, "open_files": 1024, "cpu_ms": 10_000, "wall_ms": 20_000}
    code = SOCKETS.replace("WAY", way).replace("MOST", str(most))
    outcome = cells.run(code, loopback=True, **limits)
    assert outcome.verdict in {Verdict.AC, Verdict.MLE}
    assert outcome.verdict is Verdict.MLE or 0 < int(outcome.stdout) < 64 * MIB


FULL = """
import socket, time
listener, kept, held = socket.create_server(("127.0.0.1", 0)), [], 0
listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 30)
try:
    for _ in range(120):
        near = socket.socket()
        near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 30)
        near.settimeout(1)
        near.connect(listener.getsockname())
        near.setblocking(False)
        kept += [near, listener.accept()[0]]
        try:
            while held < 128 << 20:
                held += near.send(bytes(1 << 16))
        except BlockingIOError:
            pass
except OSError:
    pass
print(held, flush=True)
time.sleep(SECONDS)
"""


def test_who_has_more_wait_in_sockets_than_may_is_held_by_the_kernel_or_ended(cells):
    limits = {"memory_bytes": 512 * MIB, "open_files": 256, "cpu_ms": 20_000, "wall_ms": 30_000}
    outcome = cells.run(FULL.replace("SECONDS", str(cells.time_scale)), loopback=True, **limits)
    if cells.host.cgroup_backend == "cgroup_v1":
        assert outcome.verdict is Verdict.AC
        assert 4 * MIB < int(outcome.stdout) < 32 * MIB
    else:  # it is counted, and looked at
        assert (outcome.verdict, kill_reasons(outcome)) == (Verdict.MLE, ["socket_limit"])
        assert outcome.evidence.verdict_actor is VerdictActor.JUDGE


HOGS = {
    "heap": "kept = []\nwhile True: kept.append(bytearray(MIB))",
    "files in the work area": "for n in range(200): open(f'/box/{n}', 'wb').write(bytes(MIB))",
    "files in tmp": "for n in range(200): open(f'/tmp/{n}', 'wb').write(bytes(MIB))",
    "files in shm": "for n in range(200): open(f'/dev/shm/{n}', 'wb').write(bytes(MIB))",
    "shared mappings": """
import mmap
kept = []
while True:
    kept.append(mmap.mmap(-1, MIB))
    kept[-1].write(b"x" * MIB)
""",
    "memory files": "import os\nfor n in range(200): os.write(os.memfd_create(str(n)), bytes(MIB))",
}


@pytest.mark.parametrize("code", HOGS.values(), ids=HOGS)
def test_memory_limit_holds_for_every_kind_of_memory(cells, code):
    outcome = cells.run(f"MIB = 1 << 20\n{code}", memory_bytes=48 * MIB, open_files=256)
    evidence = outcome.evidence
    assert (outcome.verdict, outcome.exit_code, outcome.signal) == (Verdict.MLE, None, SIGKILL)
    assert (evidence.verdict_cause, evidence.verdict_actor) == (
        VerdictCause.MLE_KERNEL_OOM,
        VerdictActor.KERNEL,
    )
    assert evidence.cgroup.memory_limit_bytes == 48 * MIB
    assert 47 * MIB <= evidence.cgroup.memory_peak_bytes <= 49 * MIB
    assert evidence.cgroup.oom_kill_events >= 1
    assert (evidence.cgroup.oom_events is None) == (cells.host.cgroup_backend == "cgroup_v1")
    assert evidence.judge_actions == ()


def test_memory_that_others_have_used_up_is_no_breach_of_a_programs_own_limit(time_scale):
    """Such a run is lost, and may be run again. What is met here is the limit of the group above."""
    takes = f"b'x' * {200 * MIB}"
    with opened(time_scale) as cells:
        files = ("memory.limit_in_bytes", "memory.max")
        (above,) = (
            path / name for path in cells.host._tree.paths for name in files if (path / name).exists()
        )
        above.write_text(str(80 * MIB), encoding="ascii")
        with pytest.raises(CellLostError, match="ran out of memory"):
            cells.run(takes, memory_bytes=1024 * MIB)
        assert cells.run(takes, memory_bytes=32 * MIB).verdict is Verdict.MLE
        cells.assert_next_run_works()


def test_a_child_killed_for_memory_is_mle_though_the_parent_ends_well(cells):
    outcome = cells.run(
        """
        import os
        if os.fork() == 0:
            kept = []
            while True: kept.append(bytearray(1 << 20))
        os.wait()
        """,
        memory_bytes=48 * MIB,
    )
    assert outcome.verdict is Verdict.MLE
    assert outcome.evidence.verdict_cause is VerdictCause.MLE_KERNEL_OOM
    if cells.host.cgroup_backend == "cgroup_v1":  # v2 ends the whole group
        assert outcome.exit_code == 0


def test_an_allocation_that_is_refused_at_once_is_the_programs_own_ending(cells):
    outcome = cells.run("bytearray(1 << 60)")
    assert (outcome.verdict, outcome.exit_code) == (Verdict.RE, 1)
    assert b"MemoryError" in outcome.stderr


def test_memory_within_the_limit_is_given(cells):
    outcome = cells.run("kept = bytearray(40 << 20); print(len(kept))", memory_bytes=64 * MIB)
    assert outcome.verdict is Verdict.AC
    assert 40 * MIB <= outcome.evidence.cgroup.memory_peak_bytes <= 64 * MIB
    assert outcome.evidence.cgroup.oom_kill_events == 0


def test_a_page_that_is_touched_costs_a_page_though_the_host_gives_huge_ones(cells):
    outcome = cells.run(
        """
        import mmap
        area = mmap.mmap(-1, 256 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        area.madvise(mmap.MADV_HUGEPAGE)
        for at in range(0, len(area), 2 << 20): area[at] = 1
        """,
        memory_bytes=512 * MIB,
    )
    assert outcome.verdict is Verdict.AC
    assert outcome.evidence.cgroup.memory_peak_bytes < 64 * MIB


BOMBS = {
    "fork bomb": "import os\nwhile True: os.fork()",
    "forks that wait": "import os, time\nfor _ in range(20): os.fork() or time.sleep(60)",
    "thread bomb": """
import threading, time
for _ in range(20): threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
""",
    "commands": "import subprocess\nfor _ in range(20): subprocess.Popen(['/bin/sleep', '60'])",
}


@pytest.mark.parametrize("code", BOMBS.values(), ids=BOMBS)
def test_process_limit_holds_for_processes_and_threads(cells, code):
    outcome = cells.run(code, wall_ms=3_000)
    evidence = outcome.evidence
    assert outcome.verdict is Verdict.PLE
    assert (evidence.verdict_cause, evidence.verdict_actor) == (
        VerdictCause.PLE_CGROUP_PIDS,
        VerdictActor.KERNEL,
    )
    assert evidence.cgroup.process_limit == 10
    assert evidence.facts.pids_limit_events >= 1


@pytest.mark.parametrize("code", BOMBS.values(), ids=BOMBS)
def test_process_limit_holds_for_a_compiler_and_all_that_it_starts(cells, code):
    compiler = ["/usr/bin/python3", "-c", code]
    outcome = cells.run_commands(["/bin/true"], compiler=compiler, wall_ms=3_000, processes=7)
    evidence = outcome.evidence
    assert (outcome.verdict, evidence.verdict_cause) == (Verdict.PLE, VerdictCause.PLE_CGROUP_PIDS)
    assert (evidence.facts.stage, evidence.cgroup.process_limit) == (Stage.COMPILE, 7)
    assert len(outcome.stages) == 1, "nothing of it was run"
    cells.assert_next_run_works()


def test_a_program_that_copes_with_the_process_limit_ends_as_it_chose(cells):
    outcome = cells.run("""
        import os, time
        try:
            while True: os.fork() or time.sleep(60)
        except BlockingIOError:
            print("enough")
    """)
    assert (outcome.verdict, outcome.stdout) == (Verdict.AC, b"enough\n")
    assert outcome.evidence.facts.pids_limit_events >= 1
    assert outcome.evidence.process_lifecycle.reap_status == "reaped_9_descendants"


def test_as_many_processes_as_the_limit_says_are_given(cells):
    outcome = cells.run("""
        import os, time
        for _ in range(9): os.fork() or os._exit(time.sleep(0.2) or 0)
        for _ in range(9): os.wait()
    """)
    assert outcome.verdict is Verdict.AC
    assert outcome.evidence.facts.pids_limit_events == 0


def test_a_write_past_the_file_size_limit_is_an_error_for_who_ignores_the_signal(cells):
    outcome = cells.run("open('f', 'wb').write(bytes(2 << 20))")
    assert (outcome.verdict, outcome.exit_code, outcome.signal) == (Verdict.RE, 1, None)
    assert b"File too large" in outcome.stderr


def test_a_write_past_the_file_size_limit_is_fse_for_who_does_not(cells):
    outcome = cells.run("""
        import os, signal
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        file = open("f", "wb", buffering=0)
        print(file.write(bytes((1 << 20) + 1)), flush=True)
        file.write(b"x")
    """)
    evidence = outcome.evidence
    assert (outcome.verdict, outcome.exit_code, outcome.signal) == (Verdict.FSE, None, SIGXFSZ)
    assert outcome.stdout == b"1048576\n"
    assert (evidence.verdict_cause, evidence.verdict_actor) == (
        VerdictCause.FSE_LIMIT_EXCEEDED,
        VerdictActor.KERNEL,
    )


def test_a_sparse_file_is_limited_too(cells):
    outcome = cells.run("""
        import os, signal
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        os.truncate(os.open("f", os.O_CREAT | os.O_RDWR), 1 << 40)
    """)
    assert outcome.verdict is Verdict.FSE


def test_300_megabytes_of_files_end_at_the_memory_limit(cells):
    outcome = cells.run("for n in range(300): open(f'{n}', 'wb').write(bytes(1_000_000))")
    assert outcome.verdict is Verdict.MLE
    assert outcome.evidence.cgroup.memory_peak_bytes >= 0.99 * outcome.evidence.cgroup.memory_limit_bytes


def test_300_megabytes_of_files_end_at_the_work_areas_limit_where_memory_allows(cells):
    outcome = cells.run(
        """
        for n in range(300):
            with open(f"{n}", "wb", buffering=0) as file: file.write(bytes(1_000_000))
        """,
        memory_bytes=512 * MIB,
        work_area_bytes=64 * MIB,
    )
    assert outcome.verdict is Verdict.RE
    assert b"No space left on device" in outcome.stderr


def test_descriptors_are_limited(cells):
    outcome = cells.run("kept = [open('/dev/null') for _ in range(100)]")
    assert outcome.verdict is Verdict.RE
    assert b"Too many open files" in outcome.stderr
    assert "open_files_limit" in outcome.evidence.controls_applied


def test_locked_memory_is_refused(cells):
    outcome = cells.observe("""
        import ctypes, json
        libc = ctypes.CDLL(None, use_errno=True)
        print(json.dumps([libc.mlockall(3), ctypes.get_errno()]))
    """)
    assert outcome == [-1, 1]
