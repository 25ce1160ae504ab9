"""The machine is what other tests count on: cgroup v2 alone, with all that a cell needs, and no network.

Not named test_*: it is about the virtual machine, so only `tests/vm/run` collects it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

CGROUP_ROOT = Path("/sys/fs/cgroup")
CONTROLLERS = ("cpu", "memory", "pids")
MIB = 1024 * 1024
SYS_CLONE3 = 435
CLONE_INTO_CGROUP = 0x200000000


class CloneArguments(ctypes.Structure):
    """`struct clone_args` of linux/sched.h, up to `cgroup`."""

    _fields_ = tuple(
        (name, ctypes.c_uint64)
        for name in (
            *("flags", "pidfd", "child_tid", "parent_tid", "exit_signal", "stack", "stack_size"),
            *("tls", "set_tid", "set_tid_size", "cgroup"),
        )
    )


@pytest.fixture(scope="module")
def _controllers() -> Iterator[None]:
    """The root's children have the controllers; afterwards as before, for the product sees to itself."""
    control = CGROUP_ROOT / "cgroup.subtree_control"
    absent = [name for name in CONTROLLERS if name not in control.read_text().split()]
    control.write_text(" ".join(f"+{name}" for name in absent))
    yield
    control.write_text(" ".join(f"-{name}" for name in absent))


@pytest.fixture
def group(_controllers: None) -> Iterator[Path]:
    """An empty cgroup with limits."""
    path = CGROUP_ROOT / f"guest-check-{os.getpid()}"
    path.mkdir()
    yield path
    (path / "cgroup.kill").write_text("1")
    _wait_until(lambda: "populated 0" in (path / "cgroup.events").read_text())
    path.rmdir()


def test_every_controller_is_on_the_unified_hierarchy() -> None:
    rows = [line.split() for line in _lines("/proc/cgroups")[1:]]
    assert {hierarchy for _, hierarchy, _, _ in rows} == {"0"}
    assert Path("/proc/self/cgroup").read_text().startswith("0::/")
    mounted = [line.partition(" - ")[2].split()[0] for line in _lines("/proc/self/mountinfo")]
    assert "cgroup2" in mounted
    assert "cgroup" not in mounted
    assert set(CONTROLLERS) <= set((CGROUP_ROOT / "cgroup.controllers").read_text().split())


def test_only_the_loopback_interface_exists() -> None:
    assert [link.name for link in Path("/sys/class/net").iterdir()] == ["lo"]


def test_writes_stay_in_the_guest() -> None:
    root = next(line for line in _lines("/proc/self/mounts") if line.split()[1] == "/")
    assert root.split()[2] == "overlay"


def test_memory_peak_counts_what_a_program_used(group: Path) -> None:
    assert _run_in(group, f"head -c {32 * MIB} /dev/zero | tail -c {32 * MIB} >/dev/null") == 0
    assert 32 * MIB <= int((group / "memory.peak").read_text()) < 64 * MIB


def test_memory_limit_kills_the_whole_group_and_counts_it(group: Path) -> None:
    (group / "memory.max").write_text(str(16 * MIB))
    (group / "memory.swap.max").write_text("0")
    (group / "memory.oom.group").write_text("1")
    assert _run_in(group, "tail /dev/zero & wait; exit 0") == -signal.SIGKILL
    events = _counters(group / "memory.events")
    assert events["oom"] >= 1
    assert events["oom_kill"] >= 1
    assert events["oom_group_kill"] == 1


def test_process_limit_refuses_a_fork_and_counts_it(group: Path) -> None:
    (group / "pids.max").write_text("2")
    assert _run_in(group, "sleep 5 & sleep 5 & sleep 5 & wait") == 2
    assert _counters(group / "pids.events")["max"] >= 1


def test_cpu_stat_counts_microseconds(group: Path) -> None:
    assert _run_in(group, "i=0; while [ $i -lt 5000 ]; do i=$((i+1)); done") == 0
    assert _counters(group / "cpu.stat")["usage_usec"] > 1000


def test_cgroup_kill_ends_a_program_that_left_its_session_and_ignores_signals(group: Path) -> None:
    program = _start_in(group, "trap '' TERM HUP INT; setsid sleep 600 & sleep 600")
    _wait_until(lambda: len((group / "cgroup.procs").read_text().split()) == 3)
    (group / "cgroup.kill").write_text("1")
    assert program.wait(timeout=30) == -signal.SIGKILL
    _wait_until(lambda: "populated 0" in (group / "cgroup.events").read_text())


def test_clone_into_cgroup_starts_a_process_inside(group: Path) -> None:
    directory = os.open(group, os.O_RDONLY | os.O_DIRECTORY)
    read_end, write_end = os.pipe()
    arguments = CloneArguments(flags=CLONE_INTO_CGROUP, exit_signal=signal.SIGCHLD, cgroup=directory)
    libc = ctypes.PyDLL(
        None, use_errno=True
    )  # keeps the interpreter's lock, so the child can go on in Python
    pid = libc.syscall(SYS_CLONE3, ctypes.byref(arguments), ctypes.sizeof(arguments))
    if pid == 0:
        os.dup2(write_end, 1)
        os.execv("/bin/cat", ["cat", "/proc/self/cgroup"])  # noqa: S606 - the child of a raw clone3
    os.close(write_end)
    os.close(directory)
    assert pid > 0, os.strerror(ctypes.get_errno())
    with os.fdopen(read_end) as output:
        assert output.read() == f"0::/{group.name}\n"
    assert os.waitpid(pid, 0)[1] == 0


def _start_in(group: Path, script: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(["/bin/sh", "-c", f"echo 0 >{group}/cgroup.procs; {script}"])


def _run_in(group: Path, script: str) -> int:
    return _start_in(group, script).wait(timeout=60)


def _counters(path: Path) -> dict[str, int]:
    return {name: int(value) for name, value in map(str.split, _lines(path))}


def _lines(path: str | Path) -> list[str]:
    return Path(path).read_text().splitlines()


def _wait_until(condition: Callable[[], bool], timeout_s: float = 30) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, f"still not so after {timeout_s} s"
        time.sleep(0.02)
