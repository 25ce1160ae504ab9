"""What an init is left with when its program runs: no stream of the supervisor's, and none of a zygote's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cellblock.languages.registry import Command, Plan
from cellblock.model import Profile, SourceFile
from cellblock.sandbox import pool
from sandbox.cells import Cells, engine_for, opened
from sandbox.waiting import init_at_work, refill_nothing

NULL = os.makedev(1, 3)
CODE = "import os, time; os.stat('/box/go'); time.sleep({})"


@pytest.fixture(scope="module")
def cells(time_scale) -> Iterator[Cells]:
    """Without cells of the pool's own making: the only init that there is is the one looked at."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool.Pool, "_refill", refill_nothing)
        with opened(time_scale, warm_starts="true", pool_cells_max="4") as made:
            yield made


def streams_of(init: int) -> list[int]:
    return [Path(f"/proc/{init}/fd/{fd}").stat().st_rdev for fd in range(3)]


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
    streams = cells.call(init_at_work(cells, engine.run_plan(runtime, plan), streams_of))
    # What sanitizers in a helper find they say on its standard error.
    heard = 2 if other_helper and warm != "fork" else 3
    assert streams[:heard] == [NULL] * heard
