"""Cells that wait: made and let go of at will."""

from __future__ import annotations

import asyncio

from cellblock.languages.registry import Runtime
from cellblock.model import Profile, SourceFile, StageLimits
from cellblock.sandbox import pool
from cellblock.sandbox.shapes import CellShape
from sandbox.cells import Cells, engine_for


async def refill_nothing(_pool: pool.Pool) -> None:
    """Stand for ``Pool._refill`` where every cell that waits has to be one that the test has asked for."""
    await asyncio.Event().wait()


def drop(cells: Cells) -> None:
    async def drop_and_wait() -> None:
        cells.host._pool.drop()
        await asyncio.gather(*cells.host._pool._closing)

    cells.call(drop_and_wait())


def shape_of(cells: Cells, runtime: Runtime) -> CellShape:
    """Return the shape of the cell in which a Python program of one file runs."""
    lowered = StageLimits()
    plan = runtime.plan((SourceFile("", b""),), (), Profile.JUDGE, run=lowered, compile=lowered)
    return engine_for(cells.settings, cells.host, runtime)._spec(runtime, plan.run, plan.files).shape


def prepare(cells: Cells, **limits: int) -> None:
    shape = shape_of(cells, cells._runtime(Profile.JUDGE, limits))
    assert shape.warm is not None
    cells.call(cells.host.prepare_ahead(shape))
