"""Whether a process is seen to live: by the kernel's flags of its threads."""

from __future__ import annotations

import os
import subprocess
import sys

from cellblock.sandbox.alive import is_alive

ENDED_FIRST_THREAD = """
import ctypes, sys, threading, time
def live_on():
    while open("/proc/self/stat").read().rpartition(")")[2].split()[0] != "Z": time.sleep(0.001)
    print("first thread ended", flush=True)
    sys.stdin.read()
    import os
    os._exit(0)
threading.Thread(target=live_on).start()
ctypes.CDLL(None).pthread_exit(None)
"""


def test_who_runs_and_who_waits_is_alive():
    assert is_alive(os.getpid())
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as waiting:
        assert is_alive(waiting.pid)


def test_who_has_ended_is_not_whether_or_not_it_was_reaped():
    ended = subprocess.Popen(["/bin/true"])
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
    assert not is_alive(ended.pid)
    ended.wait()
    assert not is_alive(ended.pid)


def test_who_lets_go_of_its_files_by_ending_is_not_alive_any_more():
    for _ in range(200):
        read, write = os.pipe()
        ending = subprocess.Popen(["/bin/true"], pass_fds=(write,))
        os.close(write)
        assert os.read(read, 1) == b""
        assert not is_alive(ending.pid)
        os.close(read)
        ending.wait()


def test_a_process_whose_first_thread_has_ended_is_alive_by_its_others():
    with subprocess.Popen(
        [sys.executable, "-c", ENDED_FIRST_THREAD], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == b"first thread ended\n"
        assert is_alive(process.pid)
    assert not is_alive(process.pid)


def test_a_name_of_parentheses_and_blanks_is_read_over():
    command = "import ctypes; ctypes.CDLL(None).prctl(15, b') Z 0 (', 0, 0, 0); print(1, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", command], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == b"1\n"
        assert is_alive(process.pid)
