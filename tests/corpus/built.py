"""What a compiler says and leaves, in a cell where it starts, and in one where it had been started before."""

from __future__ import annotations

import os
import struct

from msgspec import Struct

from cellblock.engine.run import Engine
from cellblock.engine.timing import JobClock
from cellblock.languages.registry import Plan, Runtime, load_catalog
from cellblock.model import CompileEvidence, Profile, StageLimits
from cellblock.sandbox.artifact import take_copy
from cellblock.sandbox.shapes import CellShape
from corpus.programs import Program
from corpus.ran import Ran
from corpus.sides import Sides

_MOST_BYTES = 64 << 20
_CATALOG = load_catalog(1, {})


class Built(Struct, frozen=True, kw_only=True):
    """One compile stage."""

    ran: Ran
    left: dict[str, tuple[int, bytes]]
    """Mode and content of every file below ``/out``; of a directory no content."""
    evidence: CompileEvidence


def build(sides: Sides, program: Program, *, warm: bool) -> Built:
    """Compile it, in a cell with its compiler waiting where that is wanted."""
    runtime = sides.runtime(program)
    plan = plan_of(runtime, program)
    if warm:
        sides.cells.call(sides.cells.host.prepare_ahead(compile_shape(sides.engine, runtime, plan)))
    return sides.cells.call(_build(sides.engine, runtime, plan))


def plan_of(runtime: Runtime, program: Program, compiling: StageLimits | None = None) -> Plan:
    """Return both stages, the first with these limits."""
    lowered = compiling or StageLimits()
    return runtime.plan(program.files, program.args, Profile.JUDGE, run=StageLimits(), compile=lowered)


def started_ahead(program: Program) -> frozenset[str]:
    """Say which of its stages may have started before: none that has names of the program's own in it."""
    plan = plan_of(_CATALOG.of_language(program.language)[-1], program)
    return frozenset(
        name
        for name, command in (("compile", plan.compile), ("run", plan.run))
        if command is not None and command.warm
    )


def compile_shape(engine: Engine, runtime: Runtime, plan: Plan) -> CellShape:
    """Return the shape of the cell that the plan is compiled in."""
    assert plan.compile is not None
    return engine._spec(runtime, plan.compile, plan.files, makes_out=True).shape


async def _build(engine: Engine, runtime: Runtime, plan: Plan) -> Built:
    made = await engine._compile(runtime, plan, None, JobClock())
    assert made.told is not None
    report = made.told.report
    try:
        return Built(
            ran=Ran(
                exit_code=report.exit_code,
                signal=report.signal,
                stdout=report.stdout,
                stderr=report.stderr,
                stage="compile",
            ),
            left=await _left(made.out_fd, plan),
            evidence=made.told.evidence,
        )
    finally:
        os.close(made.out_fd)


async def _left(out_fd: int, plan: Plan) -> dict[str, tuple[int, bytes]]:
    assert plan.compile is not None
    limits = plan.compile.limits
    artifact = await take_copy(
        out_fd,
        most_bytes=_MOST_BYTES,
        work_area_bytes=limits.work_area_bytes,
        work_area_inodes=limits.work_area_inodes,
    )
    left, offset = {}, 0
    for entry in artifact.entries:
        size = entry.size_bytes or 0
        left[entry.path] = (entry.mode, _without_draws(artifact.content[offset : offset + size]))
        offset += size
    return left


def _without_draws(content: bytes) -> bytes:
    """Take out what Mono's compiler draws anew each time: the time and the module's id."""
    if content[:2] != b"MZ":
        return content
    blank = bytearray(content)
    (header,) = struct.unpack_from("<I", content, 0x3C)
    blank[header + 8 : header + 12] = bytes(4)
    metadata = content.index(b"BSJB")
    offset, size = struct.unpack_from("<II", content, content.index(b"#GUID\0", metadata) - 8)
    assert size == 16
    blank[metadata + offset : metadata + offset + size] = bytes(size)
    return bytes(blank)
