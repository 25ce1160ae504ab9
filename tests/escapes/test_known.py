"""What is known to be open is excused, and nothing else; two programs that could not meet have not tried."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from cellblock.attacks import known, partners
from cellblock.attacks.caller import Answer
from cellblock.attacks.instance import Instance, makes_device_nodes
from cellblock.attacks.manifest import Attack, Trial


def an_attack(**more):
    return Attack(**{"name": "x", "line": "E", "tries": "t", "why": "w", "verdicts": ["AC"], **more})


ENDED = "it ended RE, as where it succeeds"
OURSELVES = Instance(parent=0, service=0, supervisor=os.getpid(), first_uid=0)


@pytest.mark.parametrize(
    ("status", "seen", "excused"),
    [
        ("not contained", [ENDED], True),
        ("not contained", ["both runs printed 'x'"], True),
        ("not contained", [ENDED, "left behind: {'processes': 1}"], False),
        ("not contained", [ENDED, "process 5 of ours was changed: State S → T"], False),
        ("not contained", ["the answer holds a secret of the host's, or of another run"], False),
        ("dishonest", ["verdict RE, allowed AC: "], False),
        ("not tried", [ENDED], False),
        ("contained", [], False),
    ],
)
def test_only_the_known_outcome_of_an_open_attack_is_excused(status, seen, excused):
    attack = an_attack(open="because", succeeds=["RE"])
    assert known.why_open(attack, status, seen, OURSELVES) == ("because" if excused else "")
    assert known.why_open(an_attack(succeeds=["RE"]), status, seen, OURSELVES) == ""


@pytest.mark.parametrize(("makes_nodes", "why"), [(True, ""), (False, "because")])
def test_what_is_open_without_device_nodes_is_excused_there_only(makes_nodes, why, monkeypatch):
    monkeypatch.setattr(known, "makes_device_nodes", lambda _: makes_nodes)
    attack = an_attack(open="because", open_where="no device nodes", succeeds=["RE"])
    assert known.why_open(attack, "not contained", [ENDED], OURSELVES) == why


@pytest.mark.parametrize(
    ("prefix", "makes"),
    [("", True), ("setpriv --bounding-set -mknod", False), ("unshare --user --map-root-user", False)],
)
def test_who_makes_device_nodes_is_read_from_the_supervisor(prefix, makes):
    with subprocess.Popen(
        [*prefix.split(), "/bin/sh", "-c", "echo; exec sleep 60"], stdout=subprocess.PIPE
    ) as process:
        try:
            process.stdout.readline()
            instance = Instance(parent=0, service=0, supervisor=process.pid, first_uid=0)
            assert makes_device_nodes(instance) is makes
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("verdict", "code", "succeeds"),
    [("RE", 42, True), ("RE", 1, False), ("AC", 0, False), ("SIG", 42, False)],
)
def test_a_mistake_of_a_payload_is_no_success(verdict, code, succeeds):
    attack = an_attack(succeeds=["RE"], success_code=42)
    answer = Answer(200, json.dumps({"verdict": verdict, "exit_code": code}))
    assert known.succeeded(attack, answer) is succeeds


@pytest.mark.parametrize(
    ("said", "began", "alone", "apart"),
    [
        ("attempt\nheld", "1", True, ""),
        ("attempt", "1", True, "the first of two did not say 'held'"),
        ("attempt", "1", False, "the first of two did not say 'held'"),
        ("attempt\nheld", "3", True, partners.MISSED),
        ("attempt\nheld", "3", False, ""),
    ],
)
def test_two_that_could_not_meet_have_tried_nothing(said, began, alone, apart):
    answers = [
        Answer(200, json.dumps({"stdout": said, "completed_at": "2"})),
        Answer(200, json.dumps({"started_at": began})),
    ]
    attempted = Trial(an_attack(partner=True), "python", "")
    assert partners.why_apart(attempted, answers, alone=alone) == apart
