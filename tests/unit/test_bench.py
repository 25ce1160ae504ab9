"""The bench tells a wrong answer and a missing row from a result, and reads and draws what it measured."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from cellblock.events import Part, RequestServed, Snapshot
from cellblock.metrics import Metrics
from cellblock.model import EnforcementMode

BENCH = Path(__file__).parents[2] / "bench"


@pytest.fixture
def bench(monkeypatch):
    """Import a module of the bench, whose scripts are no package, and forget all of them afterwards."""
    monkeypatch.syspath_prepend(str(BENCH))
    before = set(sys.modules)
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if (getattr(sys.modules[name], "__file__", None) or "").startswith(str(BENCH)):
            del sys.modules[name]


def results_of(directory):
    (path,) = directory.glob("*.json")
    return json.loads(path.read_text())


def measured_by(bench, monkeypatch, measure):
    run = bench("run")
    monkeypatch.setattr(run, "measure", measure)
    return run


def test_wrong_answer_fails_the_bench_and_the_other_groups_are_measured(bench, monkeypatch, tmp_path, capsys):
    rows, yardsticks = bench("rows"), bench("yardsticks")

    def measure(group, _directory, _arguments):
        if group == "cost":
            raise yardsticks.WrongAnswerError("hello printed '5' instead of '4'")
        return [rows.Group(group, [rows.at_most("13", "memory", 100, 120)], {})]

    run = measured_by(bench, monkeypatch, measure)
    assert run.main(["--only", "cost", "--only", "memory", "--results", str(tmp_path)]) == 1
    assert "hello printed '5' instead of '4'" in capsys.readouterr().out
    found = results_of(tmp_path)
    assert [row["number"] for row in found["rows"]] == ["13"]
    assert len(found["failures"]) == 1


def test_missing_row_fails_the_bench(bench, monkeypatch, tmp_path, capsys):
    rows = bench("rows")
    run = measured_by(
        bench, monkeypatch, lambda group, *_: [rows.Group(group, [rows.at_most("4", "CPU", 3, 4)], {})]
    )
    assert run.main(["--only", "cost", "--results", str(tmp_path)]) == 1
    assert "cost: row 5 is missing" in capsys.readouterr().out


def test_failure_of_one_figure_fails_the_bench_and_keeps_the_rows_beside_it(bench, monkeypatch, tmp_path):
    rows = bench("rows")
    both = [rows.at_most("4", "CPU", 3, 4), rows.at_most("5", "latency", 0.5, 0.9)]
    run = measured_by(
        bench, monkeypatch, lambda group, *_: [rows.Group(group, both, {}, failures=("c: 408",))]
    )
    assert run.main(["--only", "cost", "--results", str(tmp_path)]) == 1
    found = results_of(tmp_path)
    assert found["failures"] == ["cost: c: 408"]
    assert len(found["rows"]) == 2


def test_missed_target_is_a_result_and_no_failure(bench, monkeypatch, tmp_path, capsys):
    rows = bench("rows")
    both = [rows.at_most("4", "CPU", 9, 4), rows.at_most("5", "latency", 0.5, 0.9)]
    run = measured_by(bench, monkeypatch, lambda group, *_: [rows.Group(group, both, {})])
    assert run.main(["--only", "cost", "--results", str(tmp_path)]) == 0
    assert "9.00  target ≤ 4  missed" in capsys.readouterr().out
    facts = results_of(tmp_path)["machine"]
    assert facts["cpu"]
    assert facts["cores"] >= 1
    assert facts["memory_mib"] > 0


def test_every_row_of_the_page_is_expected_of_some_group(bench):
    expected = set().union(*bench("run").GROUPS.values())
    assert expected == {*map(str, range(1, 15)), "overload", "others"}
    assert bench("compilers").expected(bench("compilers").LANGUAGES) == bench("run").GROUPS["compilers"]
    assert bench("compilers").expected(["cpp"]) == {"9", "10"}


def test_medians_of_stages_are_those_of_the_time_between_two_looks(bench):
    stages = bench("stages")
    metrics = Metrics(version="1", snapshot=lambda: SNAPSHOT)
    for _ in range(50):
        metrics.request_served(served(parse_s=2.0))
    before = stages.read(metrics.exposition().decode())
    for parse_s in (*[0.0007] * 30, *[0.02] * 10):
        metrics.request_served(served(parse_s=parse_s))
    between = stages.between(before, stages.read(metrics.exposition().decode()))
    assert list(between) == ["parse"]
    assert 0.6 < between["parse"]["p50_ms"] < 1.0
    assert between["parse"]["mean_ms"] == pytest.approx((30 * 0.7 + 10 * 20) / 40)
    assert "(was 5.00)" in stages.line(between, {"parse": {"p50_ms": 5.0}})


def test_processes_go_by_what_they_are_for(bench):
    processes = bench("processes")

    def process(pid, parent, executable, depth, *arguments):
        return processes.Process(pid, parent, executable, arguments, depth, 1, 0.0)

    tree = [
        process(1, 0, "python3.11", 2, "cellblock", "serve"),
        process(2, 1, "python3.11", 2, "python", "-m", "cellblock.app.service"),
        process(3, 1, "python3.11", 2, "python", "-m", "cellblock.supervisor"),
        process(4, 3, "cellblock-cell", 2),
        process(5, 3, "python3.13", 3),  # a zygote in a namespace of its own
        *(process(6, 4, "cellblock-cell", 3), process(7, 6, "node", 3), process(8, 7, "node", 3)),
        *(process(9, 5, "cellblock-cell", 4), process(10, 9, "python3.13", 4)),
        *(process(11, 5, "cellblock-cell", 4), process(12, 11, "python3.13", 4)),
        process(13, 4, "cellblock-cell", 3),  # init only
    ]
    found = processes.roles(tree)
    assert {role: [member.pid for member in members] for role, members in found.items()} == {
        "parent": [1],
        "service": [2],
        "supervisor": [3],
        "spawner": [4],
        "zygote: python3.13": [5],
        "cell: node": [6, 7, 8],
        "cell: python3.13": [9, 10, 11, 12],
        "cell: cellblock-cell": [13],
    }
    assert [processes.cells(found[f"cell: {program}"]) for program in ("node", "python3.13")] == [1, 2]


def test_picture_is_well_formed_and_shows_what_was_measured(bench):
    picture = bench("picture")
    pair = {"http_ms": [5.0, 6.0, 7.0, 40.0], "bare_ms": [10.0, 11.0, 12.0, 13.0]}
    results = {
        "machine": {"cpu": "A <fine> CPU", "cores": 2, "kernel": "6.1", "cgroups": "v2"},
        "figures": {
            "interactive": {
                "hello": pair,
                "sieve": {"http_runs_per_s": {"1": 40.0, "50": 123.0}, "bare_runs_per_s": 90.0},
            },
            "cost": {"hello_and_bubblewrap": pair},
            "compilers": {"java": pair},
            "growth": {"runs_per_s_by_records": {"0": 151.0, "100000": 148.0}},
        },
    }
    root = ET.fromstring(picture.draw(results))  # noqa: S314  # we drew it
    texts = {element.text for element in root.iter() if element.text}
    assert {"java", "python hello", "123", "151", "100 000"} <= texts
    assert any("A <fine> CPU" in text for text in texts)
    place = [float(x) for element in root.iter() for name, x in element.attrib.items() if name in {"x", "x1"}]
    assert all(0 <= x <= 1080 for x in place)


SNAPSHOT = Snapshot(
    queue_depth=0,
    queue_capacity=1,
    slots=1,
    slots_busy=0,
    supervisor_connected=True,
    enforcement_mode=EnforcementMode.STRICT,
    draining=False,
    languages={},
)


def served(parse_s):
    return RequestServed(
        request_id="r",
        method="POST",
        route="/api/submit",
        status=200,
        duration_s=parse_s,
        request_bytes=1,
        response_bytes=1,
        peer=None,
        submission_id=None,
        caller=None,
        parts_s={Part.PARSE: parse_s},
    )
