"""Cells that wait, as the witnesses of attacks see them from outside."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import msgspec

from cellblock.attacks import machine, standing
from cellblock.attacks.instance import Instance
from cellblock.model import Profile
from sandbox.cells import Cells, opened, until
from sandbox.waiting import prepare, shape_of


def instance_of(cells: Cells) -> Instance:
    """We are its supervisor."""
    us = os.getpid()
    return Instance(parent=us, service=us, supervisor=us, first_uid=cells.host._block.first_uid)


def test_what_a_supervisor_holds_of_cells_that_wait_is_not_counted(time_scale):
    """In a process of its own: here, other tests have hosts open, and their cells come and go."""
    done = subprocess.run(
        [sys.executable, __file__, str(time_scale)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
        timeout=100 * time_scale,
    )
    assert (done.returncode, done.stdout) == (0, "counted\n"), done.stderr


def count_what_waits(time_scale: float) -> None:
    with opened(time_scale, warm_starts="true", pool_cells_max="6") as own:
        instance = instance_of(own)
        before = Counter(machine.growth(instance))
        shape = shape_of(own, own._runtime(Profile.JUDGE, {}))
        for _ in range(2):
            prepare(own)
        own.call(own.host.prepare_ahead(shape.cold))
        own.call(own.host.prepare_ahead(msgspec.structs.replace(shape.cold, makes_out=True)))
        until(lambda: len(standing.look(instance).waiting) == 4, 10 * time_scale)
        there = standing.look(instance)
        assert (len(there.waiting), sum(cell.writes_out for cell in there.waiting)) == (4, 1)
        assert len(there.zygotes) == 1
        after = Counter(machine.growth(instance))
        assert after.pop("descriptors of a zygote") > before.pop("descriptors of a zygote")
        for counts in (before, after):
            counts.pop("network namespaces that nobody is in")  # the machine's: other tests leave some, too
        assert after == before, (after - before, before - after)
        assert set(machine.leftovers(instance).values()) == {0}


if __name__ == "__main__":
    count_what_waits(float(sys.argv[1]))
    print("counted")  # noqa: T201  # what the test waits for
