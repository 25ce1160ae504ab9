"""``make bench``: how fast the service is, against bare runs in the same loop on the same machine.

Starts the service as a user would, checks every single answer, prints one table and writes it with
the machine's facts to ``bench/results/``. Ratios are the result: machines are shared and noisy.
Exit code 1 where an answer was wrong or a row is missing; a target that is missed is a result.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import accepting
import compilers
import cost
import growth
import interactive
import machine
import memory
import outputs
import picture
import stages
from pairs import Effort
from rows import Group, Row
from yardsticks import BenchError

RESULTS = Path(__file__).parent / "results"
PICTURE = Path(__file__).parents[1] / "docs" / "performance.svg"
GROUPS = {
    "interactive": {"1", "2", "3"},
    "cost": {"4", "5"},
    "compilers": {"6", "7", "8", "9", "10", "others"},
    "accepting": {"11", "overload"},
    "growth": {"12"},
    "memory": {"13"},
    "outputs": {"14"},
}
"""What can be measured on its own, and the rows that have to come of it."""
_QUICK = {"pairs": 2, "figure_s": 1.0, "rounds": 1, "round_s": 0.3, "overload_s": 2.0}


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, write."""
    arguments = _arguments(argv)
    before = json.loads(arguments.before.read_text()) if arguments.before else {}
    begun_s, facts, steal_s = time.monotonic(), machine.facts(), machine.steal_s()
    groups: list[Group] = []
    failures: list[str] = []
    with tempfile.TemporaryDirectory(prefix="cellblock-bench-") as name:
        directory = Path(name)
        directory.chmod(0o711)  # the service's user has to pass to its data
        for group in dict.fromkeys(arguments.only or GROUPS):
            try:
                measured = measure(group, directory, arguments)
            except BenchError as error:
                failures.append(f"{group}: {type(error).__name__}: {error}")
                print(f"          {failures[-1]}", flush=True)
                continue
            groups += measured
            for part in measured:
                show(part, before.get("stages", {}))
            expected = compilers.expected(arguments.language) if group == "compilers" else GROUPS[group]
            failures += [f"{group}: {failure}" for part in measured for failure in part.failures]
            found = {row.number for part in measured for row in part.rows}
            failures += [f"{group}: row {number} is missing" for number in sorted(expected - found)]
    facts |= {
        "load_average_after": machine.load(),
        "stolen_cpu_s": round(machine.steal_s() - steal_s, 2),
        "took_s": round(time.monotonic() - begun_s),
        "quick": arguments.quick,
    }
    results = collect(facts, groups, failures)
    show_table([row for group in groups for row in group.rows], facts)
    path = write(results, arguments.results)
    print(f"written to {path}")
    if arguments.picture:
        PICTURE.write_text(picture.draw(results), encoding="utf-8")
        print(f"drawn to {PICTURE}")
    for failure in failures:
        print(f"FAILED  {failure}")
    return 1 if failures else 0


def measure(group: str, directory: Path, arguments: argparse.Namespace) -> list[Group]:
    """Measure one group of rows."""
    effort = Effort(arguments.pairs, arguments.figure_s)
    rounds, round_s = arguments.rounds, arguments.round_s
    match group:
        case "interactive":
            return [interactive.measure(directory, effort, rounds, round_s)]
        case "cost":
            return [cost.measure(directory, effort)]
        case "compilers":
            return [compilers.measure(directory, effort, arguments.language)]
        case "accepting":
            return accepting.measure(directory, arguments.overload_s)
        case "growth":
            return [growth.measure(directory, rounds, round_s)]
        case "memory":
            return [memory.measure(directory)]
        case _:
            return [outputs.measure(directory, max(5, arguments.pairs // 5))]


def show(group: Group, before: dict[str, Any]) -> None:
    """Print a group's rows, where their time went, and the figures behind them."""
    for row in group.rows:
        print(_line(row), flush=True)
    for name, parts in group.stages.items():
        print(f"          {name}, medians in ms: {stages.line(parts, before.get(name, {}))}", flush=True)
    print(f"          {group.name}: {json.dumps(_without_samples(group.figures))}", flush=True)


def show_table(rows: Sequence[Row], facts: dict[str, Any]) -> None:
    """Print all rows together."""
    print(
        f"\n{facts['cpu']}, {facts['cores']} cores, {facts['memory_mib']} MiB, Linux {facts['kernel']}, ",
        end="",
    )
    print(f"cgroup {facts['cgroups']}, load {facts['load_average'][0]} before, took {facts['took_s']} s")
    for row in rows:
        print(_line(row))


def collect(facts: dict[str, Any], groups: Sequence[Group], failures: Sequence[str]) -> dict[str, Any]:
    """Return all that is kept of a bench."""
    return {
        "machine": facts,
        "failures": list(failures),
        "rows": [row._asdict() for group in groups for row in group.rows],
        "stages": {name: parts for group in groups for name, parts in group.stages.items()},
        "figures": {group.name: group.figures for group in groups},
    }


def write(results: dict[str, Any], directory: Path) -> Path:
    """Keep the results; returns where."""
    directory.mkdir(exist_ok=True)
    path = directory / f"{time.strftime('%Y%m%dT%H%M%S')}.json"
    path.write_text(json.dumps(results, indent=1), encoding="utf-8")
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _line(row: Row) -> str:
    missed = "" if row.met else "  missed"
    target = row.target if row.target == "stated" else f"target {row.target}"
    return f"{row.number:>8}  {row.figure:<78} {row.value:9.2f}  {target}{missed}"


def _without_samples(figures: Any) -> Any:
    """Return the figures without the long lists that they were computed from, for the eye."""
    if not isinstance(figures, dict):
        return round(figures, 3) if isinstance(figures, float) else figures
    return {
        name: _without_samples(value) for name, value in figures.items() if name not in {"http_ms", "bare_ms"}
    }


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--only", choices=GROUPS, action="append", help="measure this group; may be repeated")
    parser.add_argument(
        "--pairs", type=int, default=200, help="pairs, HTTP and bare in turns, of each latency"
    )
    parser.add_argument(
        "--language", choices=compilers.LANGUAGES, action="append", help="of the compilers; may be repeated"
    )
    parser.add_argument(
        "--figure-s",
        type=float,
        default=75,
        help="seconds after which a slow figure has 40 pairs or more; 0: never",
    )
    parser.add_argument("--rounds", type=int, default=4, help="rounds of what is measured in rounds")
    parser.add_argument("--round-s", type=float, default=6, help="seconds a round")
    parser.add_argument("--overload-s", type=float, default=60, help="seconds of three times the capacity")
    parser.add_argument("--before", type=Path, help="results to show the stages' medians beside")
    parser.add_argument("--results", type=Path, default=RESULTS, help="directory for the results")
    parser.add_argument("--picture", action="store_true", help="draw docs/performance.svg anew")
    parser.add_argument(
        "--quick", action="store_true", help="only whether it works: no figure means anything"
    )
    arguments = parser.parse_args(argv)
    arguments.language = tuple(dict.fromkeys(arguments.language or compilers.LANGUAGES))
    if arguments.quick:
        vars(arguments).update(_QUICK)
    if arguments.picture and not set(picture.NEEDED) <= set(arguments.only or GROUPS):
        parser.error(f"--picture needs the groups {', '.join(picture.NEEDED)}")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
