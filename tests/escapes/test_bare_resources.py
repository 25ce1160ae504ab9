"""Classes A, C and I with the one limit off that holds them, where that harms nobody: success is seen."""

from __future__ import annotations

import socket
import subprocess

import msgspec
import pytest

from cellblock.attacks import taken
from cellblock.attacks.caller import Caller
from cellblock.attacks.campaign import Campaign
from cellblock.attacks.instance import find_instance
from cellblock.attacks.manifest import fill, trials
from cellblock.model import SourceFile
from cellblock.sandbox import requests
from e2e.instance import NOTHING_READY, running_instance
from pace import TIME_SCALE
from sandbox.cells import opened
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


def in_a_cell(cells, name, directory, **limits):
    """Run the payload of a trial in Python or C in a cell that is as the test has it."""
    trial = one(name)
    if trial.language == "python":
        return cells.run(fill(trial.source, {}), **limits)
    source, binary = directory / "payload.c", directory / "payload"
    source.write_text(fill(trial.source, {}))
    subprocess.run(["cc", "-O2", "-static", "-o", binary, source], check=True, capture_output=True)
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


@pytest.mark.parametrize("trial", HELD)
def test_without_its_limit_an_attack_on_files_succeeds_and_that_is_seen(trial, loose):
    finding = loose.attempt(trial, alone=False)
    assert (finding.status, finding.verdict) == ("not contained", "RE"), finding.seen
    assert finding.seen[0] == "it ended RE, as where it succeeds"


# ---- no core dumps ----


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


HIDING = [
    each.variant for each in trials() if each.name.startswith("C/hidden-memory/") and each.language == "c"
]


@pytest.mark.parametrize("way", HIDING)
def test_without_a_memory_group_what_a_program_holds_is_seen_not_to_be_counted(
    way, monkeypatch, time_scale, tmp_path
):
    take_controller_away(monkeypatch, "memory")
    name = f"C/hidden-memory/{way}/c"
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
    if way in {"shared", "sysv"}:
        assert (outcome.exit_code, held) == (SUCCEEDED, 2 << 30)
        limit = answered["evidence"]["limits"]["memory_bytes"]
        assert f"it held {held} bytes, where its limit is {limit}" in taken.uncounted(
            one(name).attack, answered
        )
        assert watch.grown["memory_bytes"] > 1 << 30, "the host sees it too"
        assert "memory_bytes more than before" in watch.beyond(answered["evidence"]["limits"])[0]


def test_what_a_group_counts_holds_what_its_program_holds(time_scale, tmp_path):
    with opened(time_scale) as cells:
        outcome = in_a_cell(cells, "C/hidden-memory/sockets/c", tmp_path)
    attack, answered = one("C/hidden-memory/sockets/c").attack, as_answered(outcome)
    assert taken._held(answered) > 1 << 20
    assert taken.unmet(attack, answered) + taken.uncounted(attack, answered) == []
    answered["stdout"] = "attempt\nheld 1000\n"
    assert taken.unmet(attack, answered) == ["it held 1000 bytes only, which tries nothing"]


# ---- processes that nobody counts ----


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
    source, binary = tmp_path / "payload.c", tmp_path / "payload"
    source.write_text(trial.source)
    command = ["/usr/bin/python3", str(source)]
    if language == "c":
        subprocess.run(["cc", "-o", binary, source], check=True, capture_output=True)
        command = [str(binary)]
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
