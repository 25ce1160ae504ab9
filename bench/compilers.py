"""Rows 6 to 10: every language against its own toolchain, run bare in the same root, in the same loop."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import stages
from bare import BareRoot
from client import Client
from pairs import Effort, in_turns, ratio, timed
from rows import Group, Row, at_most, stated
from service import Service
from yardsticks import (
    BASH,
    BITS,
    COMPILED,
    CSHARP,
    GO,
    IOSTREAM,
    JAVA,
    JAVASCRIPT,
    RUBY,
    RUST,
    TYPESCRIPT,
    BenchError,
    C,
    Program,
)

_CACHED_MOST_MS = 5
_FRESH: tuple[tuple[str, Program, str, float | None], ...] = (
    ("6", JAVASCRIPT, "javascript hello ÷ bare node", 0.2),
    ("7", TYPESCRIPT, "typescript hello, type-checked ÷ bare native tsc + node", 0.4),
    ("8", JAVA, "java hello, compile + run ÷ bare javac + java", 0.35),
    ("9", IOSTREAM, "C++ first compile ÷ bare g++ -O2, iostream", 0.8),
    ("9", BITS, "C++ first compile ÷ bare g++ -O2, bits", 0.5),
    ("others", C, "C first compile ÷ bare gcc -O2", None),
    ("others", GO, "go hello ÷ bare go build and run", None),
    ("others", RUST, "rust hello ÷ bare rustc -O and run", None),
    ("others", CSHARP, "csharp hello ÷ bare mcs + mono", None),
    ("others", RUBY, "ruby hello ÷ bare ruby", None),
    ("others", BASH, "bash hello ÷ bare bash", None),
)
"""Each run is of source that nobody has compiled before."""


LANGUAGES = tuple(dict.fromkeys(program.language for _, program, _, _ in _FRESH))


def expected(languages: Collection[str]) -> set[str]:
    """Return the rows that come of measuring these languages."""
    again = {"10" for program in COMPILED if program.language in languages}
    return again | {number for number, program, _, _ in _FRESH if program.language in languages}


def measure(directory: Path, effort: Effort, languages: Collection[str]) -> Group:
    """Measure rows 6 to 10 of these languages."""
    bench = _Bench(effort)
    with (
        Service(directory / "compilers" / "data", tuple(languages)) as bench.service,
        Client(bench.service.port) as bench.client,
        BareRoot(directory / "bare-root") as bench.bare,
    ):
        for row in _FRESH:
            if row[1].language in languages:
                bench.keep(bench.fresh, *row)
        for program in COMPILED:
            if program.language in languages:
                bench.keep(bench.again, program)
    return Group("compilers", bench.rows, bench.figures, bench.stages, tuple(bench.failures))


class _Bench:
    """What takes part, and what has come out so far."""

    service: Service
    client: Client
    bare: BareRoot

    def __init__(self, effort: Effort) -> None:
        self.rows: list[Row] = []
        self.failures: list[str] = []
        self.figures: dict[str, Any] = {}
        self.stages: dict[str, dict[str, dict[str, float]]] = {}
        self._effort = effort
        # No number has been compiled by an earlier bench either, whose cache may still be there.
        self._base = random.randrange(10**8, 2 * 10**9, 1000)  # noqa: S311  # no secret

    def keep(self, measure: Callable[..., Row], *arguments: object) -> None:
        """Keep the row that is measured, or why it could not be: the others need not wait for a next time."""
        try:
            self.rows.append(measure(*arguments))
        except BenchError as error:
            self.failures.append(f"{type(error).__name__}: {error}")

    def fresh(self, number: str, program: Program, figure: str, bound: float | None) -> Row:
        """Measure a program whose source is new each time, against compiling and running it bare."""
        before = self.client.run(program.with_number(self._base - 1))
        self.bare.require_version(program, before["evidence"]["language_version"])
        self.bare.time(program, self._base - 1)
        found = self._in_turns(
            program.name,
            lambda run: timed(lambda: self.client.run(program.with_number(self._base + run))),
            lambda run: self.bare.time(program, self._base + run),
        )
        figure += ", p50"
        return (
            stated(number, figure, ratio(found))
            if bound is None
            else at_most(number, figure, ratio(found), bound)
        )

    def again(self, program: Program) -> Row:
        """Measure a program that was compiled before, against running what its compiler left."""
        same = program.with_number(self._base)
        self.client.run(same)
        self.bare.time(program, self._base)
        found = self._in_turns(
            f"{program.name}, again",
            lambda _: timed(lambda: self.client.run(same)),
            lambda _: self.bare.time(program, self._base, build=False),
        )
        more_ms = found["http_p50_ms"] - found["bare_p50_ms"]
        return at_most(
            "10",
            f"{program.name}, compiled before, p50 less that of its bare run, ms",
            more_ms,
            _CACHED_MOST_MS,
        )

    def _in_turns(
        self, name: str, over_http: Callable[[int], float], bare: Callable[[int], float]
    ) -> dict[str, Any]:
        start = self.service.stages()
        found = in_turns(name, self._effort, over_http, bare)
        self.stages[name] = stages.between(start, self.service.stages())
        self.figures[name] = found
        return found
