"""The pages for auditors name controls, attacks and tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

from cellblock.attacks.manifest import load_attacks, trials
from cellblock.sandbox.controls import CHECKS

ROOT = Path(__file__).parents[2]
ISOLATION = (ROOT / "docs" / "isolation.md").read_text()
SECURITY = (ROOT / "SECURITY.md").read_text()


def test_every_control_has_a_row_in_the_order_of_the_evidence():
    assert re.findall(r"^\| `(\w+)` \|", ISOLATION, re.MULTILINE) == list(CHECKS)


def test_every_control_names_an_attack_and_a_test():
    for row in re.findall(r"^\| `\w+` \|.*$", ISOLATION, re.MULTILINE):
        assert re.search(r"`[A-I]\d?/[\w-]+", row), row
        assert "`test_" in row, row


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
    assert named - there - variants - {trial.name for trial in trials()} == set()


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
    assert len(written) == 2
    for line in written:
        page, name = re.findall(r"insert-section (\S+) (\S+)", line)[0]
        kinds = re.findall(r"for kind in ([^;]+);", line)
        lines = (ROOT / page).read_text().splitlines()
        for section in [name.replace("$$kind", kind) for kind in (kinds[0].split() if kinds else [""])]:
            assert lines.index(f"<!-- {section} -->") < lines.index(f"<!-- end of {section} -->")
