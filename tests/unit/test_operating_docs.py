"""docs/operating.md names every figure, and nothing that is none."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from cellblock.events import Part, Snapshot
from cellblock.metrics import Metrics
from cellblock.model import EnforcementMode

PAGE = (Path(__file__).parents[2] / "docs" / "operating.md").read_text()
SUFFIXES = re.compile(r"_(bucket|count|sum)$")


def published() -> set[str]:
    state = Snapshot(
        queue_depth=0,
        queue_capacity=1,
        slots=1,
        slots_busy=0,
        supervisor_connected=True,
        enforcement_mode=EnforcementMode.STRICT,
        draining=False,
        languages={"python": True},
        deliveries_waiting=0,
    )
    text = Metrics(version="1", snapshot=lambda: state).exposition().decode()
    names = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in text_string_to_metric_families(text)
    }
    return {name for name in names if name.startswith("cellblock_")}


def test_table_is_what_is_published():
    assert set(re.findall(r"^\| `(cellblock_\w+)` \|", PAGE, re.MULTILINE)) == published()


def test_every_stage_of_a_program_is_explained():
    rows = PAGE.partition("| `stage` | from")[2].partition("\n\n")[0].splitlines()[2:]
    named = [name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert sorted(named) == sorted(Part)


def test_alerts_ask_for_figures_that_there_are():
    rules = PAGE.partition("groups:")[2].partition("```")[0]
    asked = {SUFFIXES.sub("", name) for name in re.findall(r"\bcellblock_\w+", rules)}
    assert asked
    assert asked <= published()
