"""The corpus: correct programs, what each is given, and how it ends wherever it runs.

``programs/<language>/<name>.<suffix>`` is a program, ``programs/<language>.toml`` has a table for each.
What a program prints is not written down: it runs bare and in a cell, and both must say the same. The
tables hold just enough to show that it ran at all. The correct ones among the programs of
``languages.cases`` belong to the corpus too.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec
from msgspec import Struct

from cellblock.model import SourceFile, Stage, StageLimits, Verdict
from languages.cases import LANGUAGES, all_cases

PROGRAMS = Path(__file__).with_name("programs")
_CORRECT = {Verdict.AC, Verdict.RE, Verdict.SIG}
"""How programs end that no limit ends; a limit is not there outside of a cell."""


class _Given(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table: what a program is given and how it ends."""

    says: str = ""
    """Part of its standard output or error."""
    stdin: str = ""
    args: tuple[str, ...] = ()
    exit_code: int | None = None
    signal: int | None = None
    starts: bool = True
    """Whether it comes to run: what does not compile does not."""
    mask: str = ""
    """A regular expression for what differs from run to run, wherever that is."""
    mask_reason: str = ""


class Program(Struct, frozen=True, kw_only=True):
    """One program of the corpus."""

    language: str
    """Canonical name in the judge API."""
    name: str
    files: tuple[SourceFile, ...]
    """The first is the main file; an empty name stands for the language's default."""
    stdin: bytes = b""
    args: tuple[str, ...] = ()
    exit_code: int | None = 0
    signal: int | None = None
    says: bytes = b""
    starts: bool = True
    mask: str = ""

    @property
    def id(self) -> str:
        """Name it uniquely."""
        return f"{self.language}-{self.name}"


def corpus() -> list[Program]:
    """Return every program made for the corpus; raises ``LookupError`` where a part of one is missing."""
    return [program for language in LANGUAGES for program in _programs_of(language)]


def correct_cases() -> list[Program]:
    """Return the programs of the language tests that end by themselves, compile errors included."""
    return [
        Program(
            language=case.language,
            name=f"case-{case.name}",
            files=case.files,
            stdin=case.stdin,
            args=case.args,
            exit_code=case.expected.exit_code,
            signal=case.expected.signal,
            starts=case.expected.stage is Stage.RUN,
            mask=_MASKS.get((case.language, case.name), ""),
        )
        for case in all_cases()
        if case.expected.verdict in _CORRECT
        and case.run == StageLimits()
        and (case.language, case.name) not in _NEVER_THE_SAME
    ]


_MASKS = {("csharp", "uncaught"): "<[0-9a-f]{32}>"}
"""Mono's traces name a module by an id that its compiler draws anew each time."""

_NEVER_THE_SAME = {("csharp", "abort"), ("go", "abort")}
"""Mono and Go dump their own threads, with addresses, in whatever state each of them happens to be."""


def _programs_of(language: str) -> list[Program]:
    tables = tomllib.loads((PROGRAMS / f"{language}.toml").read_text(encoding="utf-8"))
    files = {path.stem: path for path in sorted((PROGRAMS / language).iterdir())}
    if odd := sorted(set(tables) ^ set(files)):
        raise LookupError(f"{language}: programs without a table, or tables without a program: {odd}")
    return [
        _program(language, path, msgspec.convert(tables[name], _Given, strict=True))
        for name, path in files.items()
    ]


def _program(language: str, path: Path, given: _Given) -> Program:
    if bool(given.mask) != bool(given.mask_reason):
        raise LookupError(f"{language}, {path.stem}: a mask needs a reason, and a reason a mask")
    if not given.says:
        raise LookupError(f"{language}, {path.stem}: nothing is known of what it says")
    return Program(
        language=language,
        name=path.stem,
        files=(SourceFile("", path.read_bytes()),),
        stdin=given.stdin.encode(),
        args=given.args,
        exit_code=given.exit_code if given.signal or given.exit_code is not None else 0,
        signal=given.signal,
        says=given.says.encode(),
        starts=given.starts,
        mask=given.mask,
    )
