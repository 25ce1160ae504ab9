"""``make bench`` works: a few rows, quickly, without a look at the figures."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cellblock.events import Part

BENCH = Path(__file__).parents[2] / "bench" / "run.py"
ON_THE_WAY = set(Part) - {Part.COMPILE}


@pytest.mark.timeout(300)  # it waits for the self-tests of all languages, which the first service makes
def test_bench_measures_rows_with_their_stages_and_writes_the_machine_beside_them(tmp_path):
    groups = ("--only", "interactive", "--only", "memory")
    command = [sys.executable, BENCH, "--quick", *groups, "--results", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = tmp_path.glob("*.json")
    results = json.loads(path.read_text())
    assert results["failures"] == []
    assert {row["number"] for row in results["rows"]} == {"1", "2", "3", "13"}
    assert all(row["value"] > 0 for row in results["rows"])
    hello = results["figures"]["interactive"]["hello"]
    assert len(hello["http_ms"]) == len(hello["bare_ms"]) == hello["pairs"] >= 2
    assert set(results["figures"]["interactive"]["sieve"]["http_runs_per_s"]) == {"1", "2", "4", "12", "50"}
    assert set(results["stages"]["python hello"]) == ON_THE_WAY
    memory = results["figures"]["memory"]["pss_mib_by_role"]
    assert {"parent", "service", "supervisor", "spawner"} <= set(memory)
    assert results["machine"]["quick"] is True
