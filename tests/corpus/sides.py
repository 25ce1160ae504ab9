"""Both ways to run a program of the corpus, on one installation of the toolchains.

``Sides.run_in_cell`` goes through an engine with settings of the caller's choice, so that two of them
can be compared with each other as well as with ``run_bare``.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from cellblock.engine.availability import Finding
from cellblock.engine.installation import TREE_ROOT, Installation
from cellblock.engine.run import Engine
from cellblock.languages.registry import Registry, Runtime
from cellblock.model import Job, Limits, Outcome, Verdict, VerdictCause
from corpus import bare
from corpus.programs import Program
from corpus.ran import Ran
from sandbox.cells import Cells, opened

_PATIENCE = 10
_WARM_WITHIN_S = 60


class Sides:
    """The installed toolchains, bare and in cells."""

    def __init__(self, cells: Cells) -> None:
        """Give the cells' host the installed toolchains, and offer all of them."""
        self.cells = cells
        self.installation = Installation(cells.settings.toolchain_dir)
        roots = self.installation.reload()
        cells.call(cells.host.set_roots(roots))
        self.root = roots[TREE_ROOT]
        registry = Registry([_patient(runtime) for runtime in cells.registry.runtimes])
        self.engine = Engine(cells.settings, cells.host, registry, self.installation)
        for runtime in registry.runtimes:
            if runtime.file.root == TREE_ROOT and self.installation.has(runtime):
                self.engine.availability.note(runtime.id, Finding(runtime.file.version, ""))
            else:
                self.engine.availability.note(runtime.id, Finding(None, "not of the installed tree"))

    def runtime(self, program: Program) -> Runtime:
        """Return the runtime that runs it; a language that is not installed is an error."""
        runtime = self.engine.availability.newest(program.language)
        assert runtime is not None, f"{program.language} is not installed: run cellblock languages install"
        return runtime

    def run_bare(self, program: Program) -> Ran:
        """Run it without a cell."""
        return bare.run_bare(program, self.runtime(program), self.root)

    def run_in_cell(self, program: Program) -> Ran:
        """Run it in a cell of its own."""
        return as_ran(self.outcome(program))

    def run_warm(self, program: Program) -> Ran:
        """Run it in a cell whose runtime had started before; the first of its kind ask for such."""
        deadline_s = time.monotonic() + _WARM_WITHIN_S
        while not (outcome := self.outcome(program)).evidence.warm_start:
            assert time.monotonic() < deadline_s, f"{program.id} never started warm"
            self.cells.call(asyncio.sleep(0.05))
        return as_ran(outcome)

    def outcome(self, program: Program) -> Outcome:
        """Run it in a cell of its own; returns all that is known of that."""
        job = Job(
            id=program.id,
            language=program.language,
            files=program.files,
            stdin=program.stdin,
            args=program.args,
        )
        return self.cells.call(self.engine.run(job))


def as_ran(outcome: Outcome) -> Ran:
    """Return of an outcome what can be compared; one that is our own failure cannot."""
    assert outcome.verdict is not Verdict.IE, outcome.error_message
    ended = outcome.stages[-1]
    failed = outcome.evidence.verdict_cause is VerdictCause.RE_COMPILE_ERROR
    return Ran(
        exit_code=outcome.exit_code,
        signal=outcome.signal,
        stdout=b"" if failed else outcome.stdout,
        stderr=ended.stdout + ended.stderr if failed else outcome.stderr,
        stage="compile" if failed else "run",
        verdict=outcome.verdict,
    )


def _patient(runtime: Runtime) -> Runtime:
    """Give it time on a busy machine: a limit on time is the one thing that a program is not to meet here."""
    return msgspec.structs.replace(
        runtime,
        limits={profile: _with_more_time(limits) for profile, limits in runtime.limits.items()},
        compile_limits=runtime.compile_limits and _with_more_time(runtime.compile_limits),
    )


def _with_more_time(limits: Limits) -> Limits:
    return msgspec.structs.replace(
        limits, wall_ms=limits.wall_ms * _PATIENCE, cpu_ms=limits.cpu_ms * _PATIENCE
    )


@contextmanager
def both_sides(time_scale: float, **settings: str) -> Iterator[Sides]:
    """Lend both ways to run, the cells with uids of their own and these settings."""
    with opened(time_scale, **settings) as cells:
        yield Sides(cells)
