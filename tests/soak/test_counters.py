"""What the soak counts would show a leak: a process that plays the supervisor makes one of each kind."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cellblock.attacks import proc
from cellblock.attacks.instance import Instance
from cellblock.attacks.network_namespaces import NetworkNamespaces
from soak import counters

UNUSED_UID = 1_999_744
LEAKING = """
import ctypes, os, sys, time
kept = []
for kind in sys.stdin:
    match kind.strip():
        case "descriptor":
            kept.append(os.open("/dev/null", os.O_RDONLY))
        case "tmpfs":
            kept.append(os.memfd_create("kept"))
            os.write(kept[-1], bytes(8 << 20))
        case "process":
            child = os.fork()
            if child == 0:
                time.sleep(60)
                os._exit(0)
        case "network namespace":
            made, done = os.pipe()
            child = os.fork()
            if child == 0:
                ctypes.CDLL(None).unshare(0x40000000)
                os.write(done, b".")
                time.sleep(60)
            os.read(made, 1)
            kept.append(os.open(f"/proc/{child}/ns/net", os.O_RDONLY))
            os.kill(child, 9)
            os.waitpid(child, 0)
        case "network namespace that is held":
            made, done = os.pipe()
            if os.fork() == 0:
                ctypes.CDLL(None).unshare(0x40000000)
                os.write(done, b".")
                time.sleep(60)
            os.read(made, 1)
        case "memory":
            kept.append(bytearray(40 << 20))
    print(kind, end="", flush=True)
"""
KINDS = {
    "descriptor": "files of the supervisor",
    "tmpfs": "bytes in tmpfs",
    "process": "spawners",
    "network namespace": "network namespaces of ours",
    "network namespace that is held": "network namespaces of ours",
    "memory": "memory of supervisor",
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_supervisor_keeps_is_named_as_growth(kind):
    with subprocess.Popen(
        [sys.executable, "-S", "-c", LEAKING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as supervisor:
        instance = Instance(
            parent=os.getpid(), service=os.getpid(), supervisor=supervisor.pid, first_uid=UNUSED_UID
        )
        try:
            namespaces = NetworkNamespaces(instance.parent)
            before, memory_kib = counters.baseline(instance, namespaces), counters.resident_kib(instance)
            supervisor.stdin.write(f"{kind}\n")
            supervisor.stdin.flush()
            assert supervisor.stdout.readline() == f"{kind}\n"
            grown = counters.growth(instance, namespaces, before, patience_s=1)
            grown += counters.memory_growth(counters.resident_kib(instance), memory_kib)
            assert any(line.startswith(f"{KINDS[kind]}: ") for line in grown), grown
        finally:
            for pid in [*proc.descendants(supervisor.pid), supervisor.pid]:
                os.kill(pid, 9)


def test_a_network_namespace_that_nobody_holds_is_counted_until_it_is_taken_apart():
    """One with a socket alone in it: a process passes the socket on, in a message, and is gone."""
    namespaces = NetworkNamespaces(os.getpid())
    before = least_of(namespaces)  # what tests before this one have left is still taken apart
    ours, theirs = socket.socketpair()
    with ours, theirs:
        leaving = (
            "import ctypes, socket; ctypes.CDLL(None).unshare(0x40000000); inside = socket.socket();"
            f"socket.send_fds(socket.socket(fileno={theirs.fileno()}), [b'x'], [inside.fileno()])"
        )
        subprocess.run([sys.executable, "-c", leaving], pass_fds=[theirs.fileno()], check=True)
        # Also where we have it open: no file of ours is of the namespace itself.
        _, (inside, *_), _, _ = socket.recv_fds(ours, 1, 1)
        # What others leave meanwhile is taken off for a second.
        assert most_of(namespaces, patience_s=3) >= before + 1
        os.close(inside)
    assert least_of(namespaces, wanted=before) == before


def test_what_others_have_just_left_is_not_ours():
    namespaces = NetworkNamespaces(1 << 30)
    assert least_of(namespaces) == 0, "what tests before this one have left is taken apart by now"
    with contextlib.ExitStack() as ending:
        left = {ending.enter_context(other()) for _ in range(5)}
        namespaces.abandoned()
    # Ended at once: the kernel takes them apart behind our backs.
    assert namespaces.abandoned() == 0
    assert len(left & namespaces._gone_s.keys()) == 5


@contextlib.contextmanager
def other():
    with subprocess.Popen(
        ["unshare", "--net", "/bin/sh", "-c", "echo x; exec sleep 60"], stdout=-1
    ) as process:
        try:
            process.stdout.read(1)
            yield str(Path(f"/proc/{process.pid}/ns/net").readlink())
        finally:
            process.kill()


def most_of(namespaces, patience_s):
    deadline_s = time.monotonic() + patience_s
    most = 0
    while time.monotonic() < deadline_s:
        most = max(most, namespaces.abandoned())
        time.sleep(0.05)
    return most


def least_of(namespaces, wanted=0, patience_s=10):
    deadline_s = time.monotonic() + patience_s
    least = namespaces.abandoned()
    while least > wanted and time.monotonic() < deadline_s:
        time.sleep(0.05)
        least = min(least, namespaces.abandoned())
    return least
