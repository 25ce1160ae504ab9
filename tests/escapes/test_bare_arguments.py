"""Calls refused for their arguments succeed without the filter; counts of the machine tell of others."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from cellblock.attacks.manifest import trials
from cellblock.model import SourceFile, Verdict
from cellblock.sandbox import features
from escapes.bare_payloads import START, trial
from escapes.seen import sees
from escapes.test_bare_others import in_namespaces, met
from sandbox.cells import opened

ARGUMENTS = [each for each in trials(classes="D") if each.attack.payloads.get("c") == "d/arguments.c"]
SYNC = [each for each in trials(classes="D") if each.attack.name == "sync"]


def besides(attempted):
    """What the manifest says that else refuses it."""
    (variant,) = (each for each in attempted.attack.variants if each["name"] == attempted.variant)
    return variant.get("BESIDES", "")


def is_before(attempted):
    """Whether the kernel is older than what is asked for, where that is what else refuses it."""
    since = re.match(r"a kernel before (\d+)\.(\d+)", besides(attempted))
    running = re.match(r"(\d+)\.(\d+)", os.uname().release)
    return since is None or [*map(int, running.groups())] < [*map(int, since.groups())]


SUCCEEDING = [
    each
    for each in [*ARGUMENTS, *SYNC]
    if each in SYNC or not besides(each) or besides(each).startswith("a kernel before")
]


def ran_in(cells, attempted, directory):
    if attempted.language == "python":
        return cells.run(attempted.source)
    source, binary = directory / "payload.c", directory / "payload"
    source.write_text(attempted.source)
    subprocess.run(["cc", "-static", "-Wall", "-Werror", "-o", binary, source], check=True)
    return cells.run(START, files=(SourceFile("payload", binary.read_bytes()),), file_size_bytes=16 << 20)


@sees(*SUCCEEDING)
def test_without_the_filter_calls_succeed_but_those_of_which_the_manifest_says_what_else_refuses_them(
    monkeypatch, time_scale, tmp_path
):
    """Of huge pages none is taken: a file of such pages is made, and stays empty."""
    monkeypatch.setattr(features, "_SECCOMP_ACTIONS", Path("/nonexistent"))
    with opened(time_scale, accept_missing="seccomp_filter") as cells:
        outcomes = {each.name: ran_in(cells, each, tmp_path) for each in [*ARGUMENTS, *SYNC]}
    results = {name: int(outcome.stdout.split()[1]) for name, outcome in outcomes.items()}
    expected = {
        each.name for each in SUCCEEDING if each in ARGUMENTS and not (besides(each) and is_before(each))
    }
    assert {name for name in expected if results[name] == -1} == set()
    # Without capability or program they are refused on every kernel; of the rest some may succeed on some.
    refused = {each.name for each in ARGUMENTS if besides(each).startswith(("no capability", "there is no"))}
    assert {name for name in refused if results[name] != -1} == set()
    for name in (*expected, *(each.name for each in SYNC)):
        assert (outcomes[name].exit_code, outcomes[name].verdict) == (42, Verdict.RE), outcomes[name]


# ---- E: what the kernel counts for all ----


def is_numbered(of_what):
    """Whether this kernel has a number for each: of two processes, of sessions."""
    if of_what == "sessions":
        return Path("/proc/self/autogroup").exists()
    pidfds = [os.pidfd_open(os.getpid()), os.pidfd_open(os.getppid())]
    inodes = {os.fstat(pidfd).st_ino for pidfd in pidfds}
    for pidfd in pidfds:
        os.close(pidfd)
    return len(inodes) == len(pidfds)


@sees("E/counters-of-processes")
@pytest.mark.parametrize("of_what", ["processes", "sessions"])
def test_numbers_of_processes_tell_of_others_where_the_kernel_has_any(of_what, tmp_path):
    first, second = met(trial(f"E/counters-of-processes/{of_what}/python").source, tmp_path)
    assert "held" in first
    assert second == f"attempt\nended {42 if is_numbered(of_what) else 0}\n"


def test_numbers_that_move_by_its_own_processes_only_tell_nothing():
    source = trial("E/counters-of-processes/processes/python").source.replace("@HELD_S@", "0.1")
    counted = source.replace("number = of_process(child)", "number = own.pop(0)")
    ran = subprocess.run(
        ["/usr/bin/python3", "-c", f"own = [1, 2]\n{counted}"],
        input="second\n", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "attempt\n", "moved by 0\n")


@sees("E/counters-of-sockets")
def test_sockets_of_another_network_are_counted(tmp_path):
    first, second = met(trial("E/counters-of-sockets/python").source, tmp_path)
    assert "held" in first
    assert second == "attempt\nended 42\n"


@sees("E/network-figures")
def test_a_network_without_packets_is_told_those_of_the_machine(tmp_path):
    (tmp_path / "payload").write_text(trial("E/network-figures/python").source)
    done = in_namespaces("/usr/bin/python3 payload; echo ended $?", tmp_path, "net")
    attempt, figures, ended = done.stdout.splitlines()
    assert (attempt, figures.split()[1], ended) == ("attempt", "0", "ended 42")
