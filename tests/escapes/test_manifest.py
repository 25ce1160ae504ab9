"""The attacks as data: complete, described, and each with its payload."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import msgspec
import pyseccomp
import pytest

from cellblock.attacks import manifest
from cellblock.attacks.campaign import _HEAD_START
from cellblock.attacks.hostile import REQUESTS
from cellblock.attacks.manifest import (
    ATTEMPT,
    CLASSES,
    Finding,
    load_attacks,
    trials,
    unfilled,
)
from cellblock.attacks.scorecard import as_markdown, draw_up
from cellblock.languages.registry import load_catalog
from cellblock.sandbox.seccomp import load_policy

PAYLOADS = Path(manifest.__file__).parent / "payloads"
ALWAYS = {"python", "c", "go", "java", "javascript", "rust"}
FILLED = {
    "CANARY_DIR", "CANARY_DIR_TWO", "CANARY_DIR_THREE", "SECRET", "TCP_PORT", "TCP6_PORT", "UDP_PORT",
    "ABSTRACT", "UNIX", "MARK", "VICTIM_PID", "SERVICE_PORT", "SERVICE_PID", "SUPERVISOR_PID", "PARENT_PID",
    "SPAWNER_PID", "ZYGOTE_PID", "WAITING_INIT_PID", "WAITING_PID", "HELD_S", "MEMORY_BYTES",
    "VICTIM_PIDS", "DATA_DIR", "RUNTIME_DIR", "SOCKET",
}  # fmt: skip


def test_every_class_of_the_threat_model_has_attacks():
    assert {attack.line[0] for attack in load_attacks()} == set(CLASSES)
    assert {attack.line for attack in load_attacks()} >= {"A1", "A2", "A3", "A4"}


@pytest.mark.parametrize("attack", load_attacks(), ids=lambda attack: attack.name)
def test_an_attack_says_what_it_tries_why_it_fails_and_how_it_may_end(attack):
    assert len(attack.tries) >= 10
    assert len(attack.why) > 15
    assert bool(attack.payloads) != bool(attack.request)
    assert attack.verdicts if attack.payloads else attack.request in REQUESTS
    assert "IE" not in attack.verdicts
    assert not set(attack.succeeds) & set(attack.verdicts)
    assert not attack.syscall or attack.verdicts == ["SIG"]


def test_no_two_trials_have_one_name_and_every_placeholder_is_filled():
    every = trials()
    assert [name for name, count in Counter(trial.name for trial in every).items() if count > 1] == []
    assert {
        trial.name: unfilled(trial.source) - FILLED for trial in every if unfilled(trial.source) - FILLED
    } == {}


def test_a_proof_has_only_placeholders_that_are_filled_and_names_a_cause():
    for trial in trials():
        assert unfilled(trial.proof) <= FILLED
        assert len(trial.proof) >= len(ATTEMPT)
        assert trial.proof not in "compilation failed"


def test_every_payload_file_is_used():
    used = {file for attack in load_attacks() for file in attack.payloads.values()}
    there = {
        str(path.relative_to(PAYLOADS))
        for path in PAYLOADS.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert used == there


def test_the_first_of_two_programs_holds_what_it_has_for_as_long_as_it_is_told():
    """Which is longer on a slow host."""
    of_two = [each for each in trials() if each.attack.partner]
    assert len(of_two) > 50
    assert [each.name for each in of_two if "@HELD_S@" not in each.source] == []


def test_every_hostile_request_is_used():
    assert {attack.request for attack in load_attacks() if attack.request} == set(REQUESTS)


WARM_ONLY = {"inherited", "sibling", "luck", "layout", "layout-of-a-zygote"}
"""Attacks on what warm starts share: they are in the languages that start warm."""
RUNS_WARM = {runtime.language for runtime in load_catalog(1, {}).runtimes if runtime.file.run.warm}


@pytest.mark.parametrize(
    "names",
    [("inherited",), ("sibling",), ("luck",), ("layout", "layout-of-a-zygote")],
    ids=lambda names: names[0],
)
def test_attacks_on_warm_starts_are_in_every_language_whose_programs_start_warm(names):
    assert len(RUNS_WARM) > 4
    in_these = {language for attack in load_attacks() if attack.name in names for language in attack.payloads}
    assert in_these >= RUNS_WARM


OF_RUNS = [attack for attack in load_attacks() if attack.line == "E" and attack.name not in WARM_ONLY]
IN_SIX = [
    attack
    for attack in load_attacks()
    if attack.payloads
    and (attack.line[0] in "AC" or attack.name in {"reach", "search", "kill", "fill"} or attack in OF_RUNS)
]


@pytest.mark.parametrize("attack", IN_SIX, ids=lambda attack: attack.name)
def test_attacks_that_any_language_can_express_are_tried_in_six_or_say_why_not(attack):
    assert attack.payloads.keys() | attack.lacks.keys() >= ALWAYS


def test_attacks_on_the_network_are_tried_where_programs_have_a_loopback_too():
    of_network = [attack for attack in load_attacks() if attack.line == "F" and attack.payloads]
    assert [attack.name for attack in of_network if not attack.executed] == []
    by_execute = {trial.name for trial in trials(classes="F") if trial.executed}
    assert {"F/reach/execute/python", "F/packets/execute/c", "F/service/execute/java"} <= by_execute


def test_what_an_attack_lacks_is_what_could_be_there_and_is_not():
    for attack in load_attacks():
        variants = {variant.get("name") for variant in attack.variants}
        for lacking, reason in attack.lacks.items():
            variant, _, language = lacking.rpartition("/")
            assert (variant in variants) if variant else (language not in attack.payloads)
            assert language in (attack.payloads if variant else ALWAYS)
            assert len(reason) > 15
            assert not any(trial.name == f"{attack.line}/{attack.name}/{lacking}" for trial in trials())


def test_quick_ones_in_some_languages_only_are_there():
    for attack in load_attacks():
        if not isinstance(attack.quick, bool):
            assert set(attack.quick) < set(attack.payloads)
            chosen = {trial.language for trial in trials(quick=True) if trial.attack == attack}
            assert chosen == set(attack.quick)


def test_every_language_first_shows_that_it_runs():
    assert {language for attack in load_attacks() for language in attack.payloads} <= set(_HEAD_START)


def test_calls_that_the_evidence_must_name_are_calls_that_the_policy_kills_for():
    killed = {name for rule in load_policy().rule if rule.action == "kill" for name in rule.syscalls}
    # Foreign entry points are killed whatever they call.
    foreign = {"x32", "i386"}
    assert {trial.syscall for trial in trials() if trial.attack.name not in foreign} - {""} <= killed
    assert all(trial.syscall for trial in trials() if trial.attack.name in foreign)
    assert {name for trial in trials() for name in unfilled(trial.syscall)} == set()


@pytest.mark.parametrize(("column", "arch"), [(0, pyseccomp.Arch.X86_64), (1, pyseccomp.Arch.AARCH64)])
def test_calls_by_number_are_those_of_their_names(column, arch):
    tree = ast.parse((PAYLOADS / "d" / "call.py").read_text())
    table = next(node.value for node in tree.body if isinstance(node, ast.Assign))
    numbers = {name: pair[column] for name, pair in ast.literal_eval(table).items()}
    known = {name: pyseccomp.resolve_syscall(arch, name) for name in numbers}
    assert sum(number >= 0 for number in known.values()) > 30
    assert {name: known[name] for name in numbers if known[name] >= 0 and known[name] != numbers[name]} == {}
    # What has no number on a machine, libseccomp tells by a pseudo number.
    assert [name for name in numbers if numbers[name] is None and known[name] >= 0] == []


def test_a_manifest_with_an_unknown_key_or_verdict_is_refused():
    good = {"name": "x", "line": "A1", "tries": "t", "why": "w"}
    msgspec.convert(good, manifest.Attack)
    for wrong in ({"verdict": ["AC"]}, {"verdicts": ["OK"]}):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert({**good, **wrong}, manifest.Attack)


HOST = {"cgroups": "cgroup_v2", "as_root": True, "mode": "strict"}


def finding(status, name="A1/x/c", known=""):
    return Finding(trial=name, attack_class=name[0], language="c", status=status, seen=["seen"], open=known)


@pytest.mark.parametrize("status", ["not contained", "dishonest", "not tried"])
def test_a_scorecard_counts_fails_and_names_what_did_not_hold(status):
    card = draw_up([finding("contained"), finding(status, "A1/y/c")], **HOST)
    assert [each.trial for each in card.failed] == ["A1/y/c"]
    text = as_markdown(card)
    assert f"- {status}: `A1/y/c`" in text
    row = next(line for line in text.splitlines() if line.startswith("| A "))
    assert row.count("| 1 |") + row.count(" 1 ") >= 1
    assert card.at.endswith("+00:00")


def test_a_scorecard_counts_what_started_warm():
    warm = msgspec.structs.replace(finding("contained"), warm=True)
    text = as_markdown(draw_up([warm, warm, finding("contained")], **HOST))
    assert "| class | tried | contained | not contained | dishonest | not tried | started warm |" in text
    assert "| c | 3 | 3 | 0 | 0 | 0 | 2 |" in text


def test_what_is_known_to_be_open_is_shown_as_not_contained_and_fails_nothing():
    warm_and_cold = [finding("not contained", known="because")] * 2
    card = draw_up(warm_and_cold, **HOST)
    assert card.failed == []
    assert as_markdown(card).count("- open: `A1/x/c`: because") == 1
    row = next(line for line in as_markdown(card).splitlines() if line.startswith("| all "))
    assert row == "| all | 2 | 0 | 2 | 0 | 0 | 0 |"


@pytest.mark.parametrize(("as_root", "said"), [(True, "· root ·"), (False, "· not root ·")])
def test_a_scorecard_says_who_makes_the_cells(as_root, said):
    card = draw_up([finding("contained")], **{**HOST, "as_root": as_root})
    assert said in as_markdown(card).splitlines()[0]
