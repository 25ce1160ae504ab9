"""Cells that wait: made, used and let go of at will."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from cellblock.languages.registry import Runtime
from cellblock.model import Outcome, Profile, SourceFile, StageLimits, Verdict
from cellblock.sandbox import pool
from cellblock.sandbox.shapes import CellShape
from sandbox.cells import Cells, children_of, engine_for

T = TypeVar("T")


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


def run_warm(cells: Cells, code: str, **more: Any) -> Outcome:
    """Run in a cell whose runtime waits already."""
    prepare(cells, **{name: value for name, value in more.items() if name != "stdin"})
    outcome = cells.run(code, **more)
    assert outcome.evidence.warm_start
    return outcome


def observe_warm(cells: Cells, code: str, **more: Any) -> Any:
    outcome = run_warm(cells, code, **more)
    assert outcome.verdict is Verdict.AC, (outcome.error_message, outcome.signal, outcome.stderr.decode())
    return json.loads(outcome.stdout)


def zygote_pids(cells: Cells) -> list[int]:
    return [
        place.zygote.spawner.pid for place in cells.host._zygotes._places.values() if place.zygote is not None
    ]


def _has_given_up_root(pid: int) -> bool:
    return f"CapEff:\t{0:016x}" in Path(f"/proc/{pid}/status").read_text(encoding="ascii")


async def init_at_work(cells: Cells, coroutine: Coroutine[Any, Any, Outcome], look: Callable[[int], T]) -> T:
    """Run, and return what ``look`` sees of the only init when it has given up what it had of root."""
    running = asyncio.create_task(coroutine)
    parents = [cells.spawner_pid, *zygote_pids(cells)]
    seen: list[T] = []
    while not (seen or running.done()):
        await asyncio.sleep(0.005)
        inits = {child for parent in parents for child in children_of(parent)}.difference(parents)
        seen += [look(init) for init in inits if _has_given_up_root(init)]
    outcome = await running
    assert outcome.verdict is Verdict.AC, (outcome.error_message, outcome.stderr)
    return seen[0]


def tick(cells: Cells, condition: Any) -> None:
    """Let the instance's loop go on until the condition holds."""
    deadline_s = time.monotonic() + 20 * cells.time_scale
    while not condition():
        assert time.monotonic() < deadline_s
        cells.call(asyncio.sleep(0.01))
