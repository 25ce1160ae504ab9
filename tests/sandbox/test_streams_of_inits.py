"""What an init is left with when its program runs: no stream of the supervisor's, and none of a zygote's."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from cellblock.languages.registry import Command, Plan
from cellblock.model import Outcome, Profile, SourceFile, Verdict
from cellblock.sandbox import pool
from sandbox.cells import Cells, children_of, engine_for, opened
from sandbox.waiting import refill_nothing, zygote_pids

NULL = os.makedev(1, 3)
CODE = "import os, time; os.stat('/box/go'); time.sleep({})"


@pytest.fixture(scope="module")
def cells(time_scale) -> Iterator[Cells]:
    """Without cells of the pool's own making: the only init that there is is the one looked at."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool.Pool, "_refill", refill_nothing)
        with opened(time_scale, warm_starts="true", pool_cells_max="4") as made:
            yield made


async def streams_of_init(cells: Cells, coroutine: Coroutine[Any, Any, Outcome]) -> tuple[list[int], Outcome]:
    """Return which devices the streams of a run's init are when it has given up what it had of root."""
    running = asyncio.create_task(coroutine)
    parents = [cells.spawner_pid, *zygote_pids(cells)]
    seen: list[int] = []
    while not (seen or running.done()):
        await asyncio.sleep(0.005)
        for init in {child for parent in parents for child in children_of(parent)}.difference(parents):
            if f"CapEff:\t{0:016x}" in Path(f"/proc/{init}/status").read_text(encoding="ascii"):
                seen = [os.stat(f"/proc/{init}/fd/{fd}").st_rdev for fd in range(3)]  # noqa: PTH116
    return seen, await running


@pytest.mark.parametrize("warm", ["", "boot", "fork"])
def test_streams_of_an_init_lead_nowhere_while_its_program_runs(cells, warm, other_helper):
    runtime = cells._runtime(Profile.JUDGE, {})
    command = Command(
        argv=("/usr/bin/python3", "-I", "-c", CODE.format(0.5 * cells.time_scale)),
        environment={},
        limits=runtime.limits[Profile.JUDGE],
        warm=warm,
        gate="/box/go" if warm else "",
    )
    plan = Plan(files=(SourceFile("go", b""),), compile=None, run=command)
    engine = engine_for(cells.settings, cells.host, runtime)
    cells.call(cells.host.prepare_ahead(engine._spec(runtime, command, plan.files).shape))
    streams, outcome = cells.call(streams_of_init(cells, engine.run_plan(runtime, plan)))
    assert (outcome.verdict, outcome.evidence.warm_start) == (Verdict.AC, bool(warm)), outcome.error_message
    # What sanitizers in a helper find they say on its standard error.
    heard = 2 if other_helper and warm != "fork" else 3
    assert streams[:heard] == [NULL] * heard
