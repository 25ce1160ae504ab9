"""Every attack is seen to succeed by a test of its own payload, or the README says why none sees it."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from cellblock.attacks.manifest import load_attacks
from escapes.seen import SEEN, sees, tries

HERE = Path(__file__).parent
for path in HERE.glob("test_*.py"):
    if path.name != Path(__file__).name:
        importlib.import_module(f"escapes.{path.stem}")

ATTACKS = {f"{attack.line}/{attack.name}": attack for attack in load_attacks()}
README = (HERE / "README.md").read_text()
EXCEPTIONS = {
    name: reason
    for names, reason in re.findall(r"^\| ((?:`[A-I]\d?/[\w-]+`(?:, )?)+) \| (.+) \|$", README, re.MULTILINE)
    for name in re.findall(r"`([^`]+)`", names)
}


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_seen_to_succeed_or_it_is_said_why_no_test_sees_it(name):
    assert (name in SEEN) != (name in EXCEPTIONS), (
        "no test has it succeed where nothing holds it, and the README does not say why"
        if name not in SEEN
        else "the README says that no test sees it, and one does"
    )


def test_what_is_seen_or_excepted_is_there_and_exceptions_are_explained():
    assert SEEN.keys() | EXCEPTIONS.keys() == ATTACKS.keys()
    assert len(EXCEPTIONS) < 30
    assert [name for name, reason in EXCEPTIONS.items() if len(reason) < 40] == []


@pytest.mark.parametrize("name", sorted(name for name in SEEN if not ATTACKS[name].request))
def test_who_sees_an_attack_tries_its_payload(name):
    assert [test.__name__ for test in SEEN[name] if not tries(test, name)] == []


def with_its_name():
    """Say something of C/memory/c."""
    return "C/memory"


@pytest.mark.parametrize("each", ["C/memory/c"])
def with_a_parameter(each):
    return each


def test_a_name_counts_where_a_test_uses_it_and_not_where_it_is_a_part_of_a_word_or_of_what_is_said():
    assert not tries(with_its_name, "C/memory")
    assert tries(with_a_parameter, "C/memory")
    assert not tries(with_a_parameter, "C/mem")
    with pytest.raises(ValueError, match="no manifest has"):
        sees("C/no-such-attack")(with_its_name)
