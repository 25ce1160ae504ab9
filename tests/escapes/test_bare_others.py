"""Classes E, G, H and I without a cell, or with the one control off: what must be seen is seen."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import textwrap

import pytest

from cellblock.attacks import known, partners
from cellblock.attacks.caller import Answer
from cellblock.attacks.ground import Ground
from cellblock.attacks.instance import Instance, makes_device_nodes
from cellblock.attacks.manifest import Attack, Trial, fill, trials
from pace import TIME_SCALE

HELD_S = 6 * TIME_SCALE
"""Longer than a second program takes to start on a busy machine; the first ends with the test."""


def trial(name):
    (found,) = (each for each in trials() if each.name == name)
    return found


def in_namespaces(script, directory, *kinds):
    """Run a shell script in namespaces of the test's own, which end with it."""
    alone = ["unshare", *(f"--{kind}" for kind in kinds), "--pid", "--fork", "--kill-child", "--mount-proc"]
    return subprocess.run(
        [*alone, "/bin/sh", "-c", textwrap.dedent(script)],
        cwd=directory, capture_output=True, text=True, timeout=60 * TIME_SCALE, check=False,
    )  # fmt: skip


def met(source, directory, *, token="", prepared="true", command="/usr/bin/python3 payload"):
    """Run both of two programs at once, as two runs would be without cells; returns what each said."""
    (directory / "payload").write_text(fill(source, {"HELD_S": str(HELD_S)}))
    script = f"""
        mount -t tmpfs none /dev/shm; cp * /dev/shm; cd /dev/shm
        mount -t tmpfs none /tmp; mount -t tmpfs none /run; ip link set lo up
        {prepared}
        printf 'first\\n{token}\\n' | {command} > first 2>&1 & first=$!
        for n in $(seq {400 * TIME_SCALE:.0f}); do grep -q -e held -e refused first && break; sleep 0.01; done
        echo second | timeout {20 * TIME_SCALE} {command} > second
        echo "ended $?" >> second
        kill $first
        cat first; echo ----; cat second
    """
    done = in_namespaces(script, directory, "mount", "net", "ipc")
    first, _, second = done.stdout.partition("----\n")
    assert "attempt" in first, done.stderr
    return first.splitlines(), second


# ---- E: two programs without cells meet ----

WAYS = [each for each in trials() if each.name.startswith("E/partner/")]
OVER_USR = """
    mkdir u w; mount -t overlay none -o lowerdir=/usr,upperdir=u,workdir=w /usr
"""
"""What is written there is written to memory of the test's own."""


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.variant)
def test_two_programs_in_one_set_of_namespaces_find_each_other(way, tmp_path):
    # Of the places with attributes only one in the test's own memory: others would be this machine's.
    source = way.source.replace(
        '"/usr/bin/env", "/usr", "/etc/passwd", "/dev/null", "/proc/self/exe", "/"', ""
    )
    with contextlib.closing(Ground()) as ground:
        first, second = met(source, tmp_path, token=ground.token, prepared=OVER_USR)
        assert "held" in first
        assert ground.told(second), (first, second)


@pytest.mark.parametrize("way", ["page_cache", "attributes"])
def test_whoever_may_not_write_says_that_it_was_refused(way, tmp_path):
    source = fill(trial("E/partner/page-cache/python").source.replace("page_cache()\nif", f"{way}()\nif"), {})
    read_only = OVER_USR + "mount -o remount,ro,bind /usr; mount -o remount,ro,bind /"
    first, second = met(source, tmp_path, token="x" * 32, prepared=read_only)
    assert "refused" in first
    assert "held" not in first
    assert second == "attempt\nended 0\n" or "xxxx" not in second


SIGNALS = [each for each in trials() if each.name.startswith(("E/kernel-", "E/device-locks/", "E/counters/"))]


@pytest.mark.parametrize("attack", SIGNALS, ids=lambda each: each.name)
def test_two_programs_in_one_set_of_namespaces_signal_each_other(attack, tmp_path):
    first, second = met(attack.source, tmp_path)
    assert "held" in first
    assert second == "attempt\nended 42\n"


def test_two_runs_of_one_artifact_meet_in_it(tmp_path):
    source = trial("E/artifact/c").source.replace("/out", "/dev/shm")
    build = "mv payload payload.c; cc -o main payload.c 2> /dev/null; mount --bind main main"
    first, second = met(source, tmp_path, token="x", prepared=build, command="/dev/shm/main")
    assert "held" in first
    assert second == "attempt\nended 42\n"


# ---- what is known to be open is excused, and nothing else ----


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
    ("said", "began", "apart"),
    [("attempt\nheld", "1", ""), ("attempt", "1", "did not say 'held'"), ("attempt\nheld", "3", "had gone")],
)
def test_two_that_could_not_meet_have_tried_nothing(said, began, apart):
    first = Answer(200, json.dumps({"stdout": said, "completed_at": "2"}))
    found = partners.why_apart(
        Trial(an_attack(partner=True), "python", ""), [first, Answer(200, json.dumps({"started_at": began}))]
    )
    assert (apart in found) if apart else found == ""
