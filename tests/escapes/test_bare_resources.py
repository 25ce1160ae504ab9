"""Classes A, C and I with the one limit off that holds them, where that harms nobody: success is seen."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time

import msgspec
import pytest

from cellblock.attacks import proc, taken
from cellblock.attacks.caller import Caller
from cellblock.attacks.campaign import Campaign
from cellblock.attacks.instance import find_instance
from cellblock.attacks.manifest import fill, trials
from cellblock.model import SourceFile
from cellblock.sandbox import requests
from e2e.instance import NOTHING_READY, running_instance
from escapes.bare_payloads import changed_bare, run_bare
from escapes.seen import sees
from pace import TIME_SCALE
from sandbox.cells import opened, until
from sandbox.test_fail_closed import take_controller_away

LANGUAGES = ("python", "c", "go", "java", "javascript", "rust")
START = """
import os
os.chmod("payload", 0o755)
os.execv("./payload", ["payload"])
"""
SUCCEEDED = 42
"""How a payload ends that sees that it did what it must not."""


def one(name):
    (trial,) = (each for each in trials() if each.name == name)
    return trial


def compiled(code, directory):
    source, binary = directory / "payload.c", directory / "payload"
    source.write_text(code)
    subprocess.run(["cc", "-O2", "-static", "-o", binary, source], check=True, capture_output=True)
    return binary


def in_a_cell(cells, name, directory, **limits):
    """Run the payload of a trial in Python or C in a cell that is as the test has it."""
    trial = one(name)
    if trial.language == "python":
        return cells.run(fill(trial.source, {}), **limits)
    binary = compiled(fill(trial.source, {}), directory)
    limits = {"file_size_bytes": 16 << 20, **limits}
    return cells.run(START, files=(SourceFile("payload", binary.read_bytes()),), **limits)


# ---- limits that an operator may set: a service that has them so high that they hold nothing ----


@pytest.fixture(scope="module")
def loose(time_scale):
    limits = {
        "file_size_bytes": 1 << 41,
        "memory_bytes": 2 << 30,
        "open_files": 1 << 14,
        "work_area_bytes": 1 << 40,
        "work_area_inodes": 1 << 20,
    }
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    wide = {f"{language}.judge.{name}": value for language in LANGUAGES for name, value in limits.items()}
    with running_instance(free, *NOTHING_READY, time_scale=time_scale, limits=wide) as instance:
        instance.wait_for_languages(LANGUAGES, timeout_s=120 * time_scale)
        yield Campaign(Caller("127.0.0.1", free), find_instance(free))


HELD_BY_THESE_LIMITS = (
    "A3/sparse", "A3/huge-directory", "C/file-size", "C/inodes", "C/descriptors",
    "I/fill", "I/fill-work-area",
)  # fmt: skip
HELD = [
    pytest.param(trial, id=trial.name, marks=[] if trial.language in {"python", "c"} else pytest.mark.slow)
    for trial in trials()
    if trial.name.rpartition("/")[0] in HELD_BY_THESE_LIMITS
]


@sees(*HELD_BY_THESE_LIMITS)
@pytest.mark.parametrize("trial", HELD)
def test_without_its_limit_an_attack_on_files_succeeds_and_that_is_seen(trial, loose):
    finding = loose.attempt(trial, alone=False)
    assert (finding.status, finding.verdict) == ("not contained", "RE"), finding.seen
    assert finding.seen[0] == "it ended RE, as where it succeeds"


# ---- no core dumps ----


@sees("C/core")
@pytest.mark.parametrize("limited", [True, False])
@pytest.mark.parametrize("language", ["python", "c"])
def test_without_the_limit_of_core_dumps_a_dump_is_written_and_that_is_seen(
    language, limited, monkeypatch, time_scale, tmp_path
):
    if not limited:
        monkeypatch.setattr(requests, "core_limit_bytes", lambda: 1 << 30)
    with opened(time_scale, accept_missing="" if limited else "no_core_dumps") as cells:
        outcome = in_a_cell(cells, f"C/core/{language}", tmp_path, file_size_bytes=1 << 30)
    attack = one(f"C/core/{language}").attack
    assert b"attempt" in outcome.stdout, outcome.stderr
    assert outcome.verdict in (attack.verdicts if limited else attack.succeeds), outcome.evidence
    assert outcome.exit_code == (None if limited else SUCCEEDED)


# ---- memory that the group does not count ----


def as_answered(outcome):
    return msgspec.to_builtins({"stdout": outcome.stdout.decode(), "evidence": outcome.evidence})


def uids_of(cells):
    first = cells.host._block.first_uid
    return range(first, first + 128)


HIDING = [each.name for each in trials() if each.attack.holds and each.language == "c"]


@sees(*HIDING)
@pytest.mark.parametrize("name", HIDING)
def test_without_a_memory_group_what_a_program_holds_is_seen_not_to_be_counted(
    name, monkeypatch, time_scale, tmp_path
):
    take_controller_away(monkeypatch, "memory")
    with (
        opened(time_scale, accept_missing="memory_limit") as cells,
        taken.Watch(uids_of(cells), ["memory_bytes"]) as watch,
    ):
        outcome = in_a_cell(cells, name, tmp_path, cpu_ms=30_000, wall_ms=30_000)
    answered = as_answered(outcome)
    held = taken._held(answered)
    assert taken.unmet(one(name).attack, answered) == [], "it reached something"
    assert (
        taken.uncounted(one(name).attack, answered)[0] == f"it held {held} bytes, where its group counted 0"
    )
    if name in {"C/hidden-memory/shared/c", "C/hidden-memory/sysv/c"}:
        assert (outcome.exit_code, held) == (SUCCEEDED, 2 << 30)
        limit = answered["evidence"]["limits"]["memory_bytes"]
        assert f"it held {held} bytes, where its limit is {limit}" in taken.uncounted(
            one(name).attack, answered
        )
        assert watch.grown["memory_bytes"] > 1 << 30, "the host sees it too"
        assert "memory_bytes more than before" in watch.beyond(answered["evidence"]["limits"])[0]


@pytest.mark.parametrize("name", ["C/hidden-memory/sockets/c", "C/page-cache/c"])
def test_what_a_group_counts_holds_what_its_program_holds(name, time_scale, tmp_path):
    with opened(time_scale) as cells:
        outcome = in_a_cell(cells, name, tmp_path)
    attack, answered = one(name).attack, as_answered(outcome)
    assert taken._held(answered) > 1 << 20
    assert taken.unmet(attack, answered) + taken.uncounted(attack, answered) == []
    answered["stdout"] = "attempt\nheld 1000\n"
    assert taken.unmet(attack, answered) == ["it held 1000 bytes only, which tries nothing"]


# ---- processes that nobody counts ----


@sees("C/fork-bomb", "C/thread-bomb")
@pytest.mark.parametrize("bomb", ["C/fork-bomb/c", "C/thread-bomb/python"])
@pytest.mark.parametrize("limited", [True, False])
def test_without_the_limit_of_processes_a_bomb_ends_otherwise_and_that_is_seen(
    bomb, limited, monkeypatch, time_scale, tmp_path
):
    if not limited:
        take_controller_away(monkeypatch, "pids")
    with (
        opened(time_scale, accept_missing="" if limited else "process_limit") as cells,
        taken.Watch(uids_of(cells), ["tasks"]) as watch,
    ):
        # The memory of its group ends it after some hundreds.
        outcome = in_a_cell(cells, bomb, tmp_path, memory_bytes=48 << 20, wall_ms=1500, cpu_ms=1500)
    attack, answered = one(bomb).attack, as_answered(outcome)
    assert outcome.verdict in attack.verdicts, "by its verdict alone it would be contained"
    assert taken.unmet(attack, answered) == ([] if limited else ["the limit of processes refused it nothing"])
    beyond = watch.beyond(answered["evidence"]["limits"])
    if limited:
        assert 1 < watch.grown["tasks"] <= answered["evidence"]["limits"]["processes"] + 4
        assert beyond == []
    else:
        assert beyond[0].startswith(f"the host had {watch.grown['tasks']} tasks more than before")


# ---- files in flight ----


@pytest.mark.parametrize("language", ["python", "c"])
def test_whom_the_kernel_does_not_limit_fills_the_hosts_file_table_and_that_is_seen(language, tmp_path):
    trial = one(f"C/descriptors/{language}")
    python = ["/usr/bin/python3", "-c", trial.source]
    command = python if language == "python" else [compiled(trial.source, tmp_path)]
    limits = {"open_files": 64, "processes": 8, "memory_bytes": 256 << 20}
    with taken.Watch(range(0), ["files"]) as watch:
        # As root the limit of a table holds and that of files in flight does not.
        done = subprocess.run(
            ["unshare", "--pid", "--fork", "--kill-child", "prlimit", "--nofile=64", *command],
            capture_output=True, text=True, timeout=60 * TIME_SCALE, check=False,
        )  # fmt: skip
    assert done.returncode == SUCCEEDED, done.stderr
    assert trial.proof not in done.stdout
    assert watch.grown["files"] > 6000
    assert "files more than before" in watch.beyond(limits)[0]
    assert taken.may_be_anybodys(watch.beyond(limits)), (
        "others have files as well: such a finding is tried again"
    )


# ---- signals, and time that nobody counts ----


DISTURBED = """
import subprocess
from cellblock.attacks.ground import Ground
from cellblock.attacks.manifest import fill, trials
(trial,) = (each for each in trials() if each.name == "C/stop-everyone/python")
ground = Ground()
code = fill(trial.source, {**ground.values, "SUPERVISOR_PID": ground.values["VICTIM_PID"]})
# A group of its own: it signals its group as well.
subprocess.run(["/usr/bin/python3", "-c", code], user=65534, group=65534, cwd="/", start_new_session=True)
print(ground.turned())
ground.close()
"""


def test_in_one_pid_namespace_a_process_of_the_host_is_ended():
    # Everyone is who lives in a namespace of the test's own.
    own = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    done = subprocess.run(
        [*own, sys.executable, "-c", DISTURBED],
        capture_output=True, text=True, timeout=60 * TIME_SCALE, check=False,
    )  # fmt: skip
    assert done.stdout.startswith("attempt\n['a process of the host was ended (-"), done.stdout + done.stderr


@contextlib.contextmanager
def begun(name, *prefix, directory):
    """A payload in C, bare, that has said that it attacks; ended at the end, with all below it."""
    command = [*prefix, compiled(one(name).source, directory)]
    own = ["unshare", "--pid", "--fork", "--kill-child", "nice", "-n", "19"]
    with subprocess.Popen([*own, *command], stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout.readline() == "attempt\n"
            until(lambda: len(proc.children(holder.pid)) == 1, 5 * TIME_SCALE)
            yield proc.children(holder.pid)[0]
        finally:
            holder.kill()


@sees("C/catching", "C/sleeping")
@pytest.mark.parametrize("name", ["C/catching/c", "C/sleeping/c"])
def test_signals_that_ask_end_nobody_who_does_not_want_to(name, tmp_path):
    with begun(name, directory=tmp_path) as pid:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGXCPU, signal.SIGHUP):
            os.kill(pid, number)
        time.sleep(0.5)
        assert proc.started(pid)


@pytest.mark.parametrize("language", LANGUAGES)
def test_who_sleeps_is_deaf_to_signals_that_ask_in_every_language(language, monkeypatch):
    changed_bare(
        monkeypatch,
        lambda program: (
            f"""
            {program} > said & pid=$!
            until grep -q attempt said; do sleep 0.05; done
            sleep {0.5 * TIME_SCALE}
            for name in HUP INT TERM XCPU; do kill -$name $pid; done
            sleep 0.5; cat said
            grep -q 'State:.S' proc/$pid/status && echo "it sleeps on"
            kill -KILL $pid
        """
        ),
    )
    assert b"it sleeps on" in run_bare(f"C/sleeping/{language}", {}).stdout


@sees("C/bursts")
def test_the_limit_of_one_process_ends_no_bursts_of_many(tmp_path):
    with begun("C/bursts/c", "prlimit", "--cpu=1", directory=tmp_path) as pid:
        ticks_s = os.sysconf("SC_CLK_TCK")
        of_the_dead = 13
        until(lambda: int(proc.stat(pid)[of_the_dead]) > 2 * ticks_s, 60 * TIME_SCALE)
        assert proc.started(pid)


@sees("C/threads-burn")
@pytest.mark.parametrize("name", ["C/catching/c", "C/bursts/c", "C/threads-burn/c"])
def test_time_that_a_group_does_not_count_is_seen(name):
    attack = one(name).attack
    assert taken.unmet(attack, {"evidence": {"timing": {"cpu_ms": 3999}}}) == []
    for cpu_ms in (None, 12):  # as if only the program itself were counted, or nobody
        (seen,) = taken.unmet(attack, {"evidence": {"timing": {"cpu_ms": cpu_ms}}})
        assert seen.startswith(f"its group counted {cpu_ms or 0} ms")
