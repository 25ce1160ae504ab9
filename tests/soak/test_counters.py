"""What the soak counts would show a leak: a process that plays the supervisor makes one of each kind."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from cellblock.attacks.machine import Instance
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
        case "memory":
            kept.append(bytearray(40 << 20))
    print(kind, end="", flush=True)
"""
KINDS = {
    "descriptor": "descriptors of supervisor",
    "tmpfs": "bytes in tmpfs",
    "process": "processes of ours",
    "network namespace": "network namespaces",
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
            before, memory_kib = counters.baseline(instance), counters.resident_kib(instance)
            supervisor.stdin.write(f"{kind}\n")
            supervisor.stdin.flush()
            assert supervisor.stdout.readline() == f"{kind}\n"
            grown = counters.growth(instance, before, patience_s=1)
            grown += counters.memory_growth(instance, memory_kib)
            assert any(line.startswith(f"{KINDS[kind]}: ") for line in grown), grown
        finally:
            for pid in [*counters.machine._descendants(supervisor.pid), supervisor.pid]:
                os.kill(pid, 9)
