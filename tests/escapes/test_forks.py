"""Where forks of one interpreter are not kept apart, the attacks on warm starts succeed, and that is seen."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys

import pytest

from cellblock.attacks.caller import Answer
from cellblock.attacks.campaign import _said_by_both
from cellblock.attacks.ground import Ground
from cellblock.attacks.manifest import fill, trials

NOBODYS = dict.fromkeys(("WAITING_PID", "WAITING_INIT_PID", "ZYGOTE_PID", "SPAWNER_PID"), "4194304")
NOBODYS["HELD_S"] = "1.5"

FORKING = """
import ctypes, io, os, sys, time

source = open("payload.py").read()
open_before = os.memfd_create("open before", 0)
fork = ctypes.CDLL(None).fork  # nothing in Python hears of it, as where it is not told


def run(said):
    sys.stdin = io.StringIO(said)
    exec(compile(source, "main.py", "exec"), {"__name__": "__main__"})


def in_a_fork(said):
    sys.stdout.flush()
    child = fork()
    if child == 0:
        try:
            run(said)
            sys.stdout.flush()
        finally:
            os._exit(0)
    os.waitpid(child, 0)


"""
ONE_THEN_ITS_FORK = "time.sleep = lambda _: None\nrun(f'first\\n{sys.argv[1]}\\n')\nin_a_fork('second\\n')\n"
TWO_FORKS = "in_a_fork(f'first\\n{sys.argv[1]}\\n')\nin_a_fork('second\\n')\n"


def trial(name):
    (found,) = (each for each in trials() if each.name == name)
    return found


def forked(script, payload, directory, *arguments):
    (directory / "payload.py").write_text(fill(payload, NOBODYS))
    command = [sys.executable, "-c", FORKING + script, *arguments]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=True, timeout=60)
    assert "attempt" in done.stdout, done.stderr
    return done.stdout


@pytest.mark.parametrize(("way", "script"), [("memory", ONE_THEN_ITS_FORK), ("descriptors", TWO_FORKS)])
def test_a_fork_of_a_run_finds_what_that_run_has_kept(way, script, tmp_path):
    with contextlib.closing(Ground()) as ground:
        source = trial(f"E/sibling/{way}/python").source.replace("@HELD_S@", "0")
        assert ground.told(forked(script, source, tmp_path, ground.token))


def test_forks_of_one_that_has_seen_nothing_find_nothing_of_each_other(tmp_path):
    with contextlib.closing(Ground()) as ground:
        source = trial("E/sibling/memory/python").source.replace("@HELD_S@", "0")
        assert not ground.told(forked(TWO_FORKS, source, tmp_path, ground.token))


def test_in_one_pid_namespace_a_program_ends_its_sibling(tmp_path):
    (tmp_path / "main.py").write_text(fill(trial("E/sibling/harm/python").source, NOBODYS))
    script = f"""
        printf 'first\\nx\\n' | {sys.executable} main.py > first & first=$!
        until grep -q attempt first; do sleep 0.01; done
        printf 'second\\n' | {sys.executable} main.py > second
        wait $first
        echo "ended $?"
    """
    # The shell is pid 1 of the namespace, whom signals from within do not end.
    done = subprocess.run(
        ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "/bin/sh", "-c", script],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert "ended 137" in done.stdout, done.stdout + done.stderr


def test_what_was_inherited_is_found_and_spoken_to(tmp_path):
    (tmp_path / "main.py").write_text(trial("E/inherited/python").source)
    ours, theirs = socket.socketpair()
    with ours, theirs, os.fdopen(os.memfd_create("request")) as memory:
        done = subprocess.run(
            [sys.executable, "main.py"], cwd=tmp_path, pass_fds=[theirs.fileno(), memory.fileno()],
            env={"CELLBLOCK_GATE": "fork:/box/main.py"},
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode != 0
        for found in ("socket:", "/memfd:request", "CELLBLOCK"):
            assert found in done.stderr
        assert ours.recv(100).startswith(b"j")


def test_forks_that_go_on_from_one_generator_draw_the_same(tmp_path):
    source = trial("E/luck/python").source
    said = forked("import random, uuid, tempfile\nrandom.random()\n" + TWO_FORKS, source, tmp_path, "x")
    _, first, second = said.split("attempt\n")
    alike = _said_by_both([Answer(200, json.dumps({"stdout": each})) for each in (first, second)])
    assert any(line.startswith("random ") for line in alike), said
