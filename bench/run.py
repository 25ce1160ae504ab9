"""``make bench``: how fast the service is, against bare runs in the same loop on the same machine.

Starts the service as a user would, checks every single answer, prints one table and writes it with
the machine's facts to ``bench/results/``. Ratios are the result: machines are shared and noisy.
Exit code 1 where an answer was wrong or a row is missing.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

import accepting
import growth
import interactive
import outputs
from rows import Group

RESULTS = Path(__file__).parent / "results"
GROUPS = ("interactive", "accepting", "growth", "outputs")


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=GROUPS, action="append", help="measure this group; may be repeated")
    parser.add_argument("--pairs", type=int, default=200, help="pairs of hello, HTTP and bare in turns")
    parser.add_argument("--rounds", type=int, default=4, help="rounds of what is measured in rounds")
    parser.add_argument("--round-s", type=float, default=8, help="seconds a round")
    parser.add_argument("--overload-s", type=float, default=60, help="seconds of three times the capacity")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cellblock-bench-") as name:
        directory = Path(name)
        directory.chmod(0o711)  # the service's user has to pass to its data
        groups = []
        for group in arguments.only or GROUPS:
            for measured in measure(group, directory, arguments):
                show(measured)
                groups.append(measured)
    path = write(groups)
    print(f"written to {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}")
    return 0


def measure(group: str, directory: Path, arguments: argparse.Namespace) -> list[Group]:
    """Measure one group of rows."""
    match group:
        case "interactive":
            return [interactive.measure(directory, arguments.pairs, arguments.rounds, arguments.round_s)]
        case "accepting":
            return accepting.measure(directory, arguments.overload_s)
        case "growth":
            return [growth.measure(directory, arguments.rounds, arguments.round_s)]
        case _:
            return [outputs.measure(directory, max(20, arguments.pairs // 5))]


def show(group: Group) -> None:
    """Print the rows and the figures behind them."""
    for row in group.rows:
        verdict = "" if row.met else "  missed"
        print(f"{row.number:>8}  {row.figure:<75} {row.value:8.2f}  target {row.target}{verdict}", flush=True)
    print(f"          {group.name}: {json.dumps(group.figures)}", flush=True)


def write(groups: list[Group]) -> Path:
    """Keep the results with the machine's facts; returns where."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{time.strftime('%Y%m%dT%H%M%S')}.json"
    machine = {
        "kernel": platform.release(),
        "arch": platform.machine(),
        "python": platform.python_version(),
        "cores": len(os.sched_getaffinity(0)),
        "load_average": os.getloadavg(),
    }
    results = {
        "machine": machine,
        "rows": [row._asdict() for group in groups for row in group.rows],
        "figures": {group.name: group.figures for group in groups},
    }
    path.write_text(json.dumps(results, indent=1), encoding="utf-8")
    return path


if __name__ == "__main__":
    sys.exit(main())
