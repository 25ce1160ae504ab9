"""Classes C, D and H with their control off, where that harms nobody: the attack succeeds, and is seen."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import time
from pathlib import Path

import pytest

from cellblock.attacks import machine
from cellblock.attacks.ground import Ground
from cellblock.attacks.hostile import REQUESTS
from cellblock.attacks.instance import Instance
from cellblock.attacks.manifest import fill, trials
from cellblock.model import SourceFile, Verdict
from cellblock.sandbox import features
from escapes.seen import sees
from pace import TIME_SCALE
from sandbox.cells import opened

UNUSED_UID = 1_999_616


def compiled(name, directory):
    """The payload of a trial in C, built by the host's compiler."""
    (trial,) = (each for each in trials() if each.name == name)
    source, binary = directory / "payload.c", directory / "payload"
    source.write_text(fill(trial.source, {}))
    subprocess.run(["cc", "-static", "-o", binary, source], check=True, capture_output=True)
    return trial, binary


# ---- C: nobody ends what a program leaves ----


@sees("C/orphans-burn")
def test_without_an_end_of_their_namespace_orphans_are_left_and_burn(tmp_path):
    _, binary = compiled("C/orphans-burn/c", tmp_path)
    for each in [tmp_path, *tmp_path.parents]:
        if each.stat().st_uid == os.getuid() and each not in {Path("/"), Path("/tmp")}:
            each.chmod(each.stat().st_mode | 0o711)
    instance = Instance(parent=0, service=0, supervisor=0, first_uid=UNUSED_UID)
    user = UNUSED_UID + 1
    program = f"nice -n 19 setpriv --reuid={user} --regid={user} --clear-groups {binary}"
    # A namespace all the same, so that they end with the test; what a cell has more is that this one waits.
    holder = subprocess.Popen(
        ["unshare", "--pid", "--fork", "--kill-child", "/bin/sh", "-c",
         f"{program}; echo ended; exec sleep 60"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert holder.stdout.readline() == "attempt\n"
        assert holder.stdout.readline() == "ended\n"
        deadline_s = time.monotonic() + 5 * TIME_SCALE
        while (left := machine.leftovers(instance))["processes"] < 4:  # the last may still fork
            assert time.monotonic() < deadline_s, left
            time.sleep(0.01)
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
    deadline_s = time.monotonic() + 5
    while machine.leftovers(instance)["processes"]:
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


# ---- D: the filter ----

START = """
import os
os.chmod("payload", 0o755)
os.execv("./payload", ["payload"])
"""


@sees("D/unshare")
@pytest.mark.parametrize("filtered", [True, False])
def test_without_the_filter_an_exploits_call_succeeds_and_nobody_names_it(
    filtered, monkeypatch, time_scale, tmp_path
):
    trial, binary = compiled("D/unshare/c", tmp_path)
    if not filtered:
        monkeypatch.setattr(features, "_SECCOMP_ACTIONS", Path("/nonexistent"))
    accepted = "" if filtered else "seccomp_filter"
    with opened(time_scale, accept_missing=accepted) as cells:
        files = (SourceFile("payload", binary.read_bytes()),)
        outcome = cells.run(START, files=files, file_size_bytes=16 << 20)
    assert outcome.stdout.startswith(b"attempt\n"), outcome.stderr
    named = outcome.evidence.seccomp.syscall if outcome.evidence.seccomp else ""
    if filtered:
        assert (outcome.verdict, named) == (Verdict.SIG, trial.attack.syscall)
    else:
        # A user namespace of its own, and every capability in it; the payload then ends with 42.
        assert (outcome.exit_code, outcome.verdict, named) == (42, Verdict.RE, "")
        assert outcome.verdict not in trial.attack.verdicts


# ---- H: a service that believes everything ----


ATTACKS_BY_REQUEST = sorted(trial.attack.request for trial in trials() if trial.attack.line.startswith("H"))


@sees(*ATTACKS_BY_REQUEST)
@pytest.mark.parametrize("name", ATTACKS_BY_REQUEST)
def test_a_service_that_believes_everything_is_found_out(name, credulous):
    answers = []
    with contextlib.closing(Ground()) as ground:
        wrong = REQUESTS[name](credulous, ground, answers)
        told = any(ground.told(answer.text) for answer in answers)
    assert wrong or told
    if name == "ids_that_are_guessed":
        assert told, "its records are everybody's"
    if name == "bodies_that_are_no_requests":
        assert any('"code": "x", "co' in line for line in wrong), "a key that comes twice is seen"
    if name == "limits_beyond_the_profile":
        assert len(wrong) == len(answers) > 10, "each that was given is seen"
    if name == "one_key_many_times":
        assert re.search(r"made [0-9]{2} submissions", wrong[0])  # 40, but for what a busy fake refuses
