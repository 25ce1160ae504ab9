"""The pages for auditors name controls, attacks and tests that exist."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from cellblock.attacks.manifest import load_attacks, trials
from cellblock.sandbox.controls import CHECKS
from escapes.test_campaign import WARM

ROOT = Path(__file__).parents[2]
ISOLATION = (ROOT / "docs" / "isolation.md").read_text()
SECURITY = (ROOT / "SECURITY.md").read_text()
OF_THE_TABLES = "x86_64"
"""The machine on which all attacks were tried; it has some that others cannot express."""


def test_every_control_has_a_row_in_the_order_of_the_evidence():
    assert re.findall(r"^\| `(\w+)` \|", ISOLATION, re.MULTILINE) == list(CHECKS)


def test_every_control_names_an_attack_and_a_test():
    for row in re.findall(r"^\| `\w+` \|.*$", ISOLATION, re.MULTILINE):
        assert re.search(r"`[A-I]\d?/[\w-]+", row), row
        assert "`test_" in row, row


def scored(section: str) -> dict[str, int]:
    """Return how many attacks of each class a table of SECURITY.md says were tried."""
    table = SECURITY.split(f"<!-- {section} -->")[1].split(f"<!-- end of {section} -->")[0]
    return {
        letter: int(tried) for letter, tried in re.findall(r"^\| ([A-I]) [^|]*\| (\d+) ", table, re.MULTILINE)
    }


def test_the_score_is_of_all_attacks_that_there_are():
    """Whoever adds one runs them all: `make score`."""
    every = trials(machine=OF_THE_TABLES)
    tried = [*every, *(trial for trial in every if trial.language in WARM)]
    assert scored("score") == Counter(trial.attack.line[0] for trial in tried)


def test_attacks_that_the_pages_name_exist():
    there = {f"{attack.line}/{attack.name}" for attack in load_attacks()}
    variants = {
        f"{attack.line}/{attack.name}/{variant['name']}"
        for attack in load_attacks()
        for variant in attack.variants
        if "name" in variant
    }
    named = set(re.findall(r"`([A-I]\d?/[\w-]+(?:/[\w-]+)?)`", ISOLATION + SECURITY))
    assert len(named) > 40
    assert named - there - variants - {trial.name for trial in trials(machine=OF_THE_TABLES)} == set()


def test_tests_that_the_pages_name_exist():
    sources = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    named = set(re.findall(r"`(test_\w+)`", ISOLATION + SECURITY))
    assert len(named) > 25
    assert {name for name in named if f"def {name}(" not in sources} == set()


def test_what_is_open_in_the_manifest_is_open_in_the_page():
    for attack in load_attacks():
        if attack.open:
            assert f"`{attack.line}/{attack.name}`" in SECURITY


def test_pages_have_the_sections_that_make_writes():
    written = [line for line in (ROOT / "Makefile").read_text().splitlines() if "insert-section" in line]
    assert len(written) == 3
    for line in written:
        page, name = re.findall(r"insert-section (\S+) (\S+)", line)[0]
        kinds = re.findall(r"for kind in ([^;]+);", line)
        lines = (ROOT / page).read_text().splitlines()
        for section in [name.replace("$$kind", kind) for kind in (kinds[0].split() if kinds else [""])]:
            assert lines.index(f"<!-- {section} -->") < lines.index(f"<!-- end of {section} -->")


ROWS = {row.split("`")[1]: row for row in re.findall(r"^\| `\w+` \|.*$", ISOLATION, re.MULTILINE)}
GOES_WITHOUT = ("test_without_", "test_root_without_", "test_two_programs_in_one_set_", "test_each_of_")
"""How tests of attacks begin in which the control is switched off, and the attack seen to succeed."""


@pytest.mark.parametrize("control", [name for name in ROWS if name != "seccomp_filter"])
def test_no_attack_that_the_filter_stops_is_named_for_another_control(control):
    named = re.findall(r"`([A-I]\d?)/([\w-]+)(?:/([\w-]+))?`", ROWS[control])
    assert named
    for line, name, of_it in named:
        (attack,) = (each for each in load_attacks() if (each.line, each.name) == (line, name))
        assert not attack.syscall
        calls = [variant for variant in attack.variants if "CALL" in variant]
        assert not calls or [each for each in calls if each.get("name") == of_it and "BESIDES" in each]


@pytest.mark.parametrize(
    "control",
    [
        *("pid_namespace", "mount_namespace", "network_namespace", "ipc_namespace", "uts_namespace"),
        *("cgroup_namespace", "seccomp_filter", "no_new_privileges", "capabilities_dropped", "private_proc"),
        *("no_sysfs", "stack_limit"),
    ],
)
def test_a_control_that_can_be_switched_off_names_a_test_of_attacks_that_does(control):
    attacked = "\n".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    named = re.findall(r"`(test_\w+)`", ROWS[control])
    assert [name for name in named if f"def {name}(" in attacked and name.startswith(GOES_WITHOUT)]
