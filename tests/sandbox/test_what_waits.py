"""Cells that wait, as the witnesses of attacks see them from outside."""

from __future__ import annotations

import os
from collections import Counter

import msgspec
import pytest

from cellblock.attacks import machine, proc, standing
from cellblock.attacks.instance import Instance
from cellblock.model import Profile
from sandbox.cells import Cells, opened, until
from sandbox.waiting import prepare, shape_of


@pytest.fixture
def own(time_scale):
    with opened(time_scale, warm_starts="true", pool_cells_max="6") as cells:
        yield cells


def instance_of(cells: Cells) -> Instance:
    """We are its supervisor."""
    us = os.getpid()
    return Instance(parent=us, service=us, supervisor=us, first_uid=cells.host._block.first_uid)


def test_what_a_supervisor_holds_of_cells_that_wait_is_not_counted(own):
    instance = instance_of(own)
    before = Counter(machine.growth(instance))
    others = set(standing.look(instance).zygotes)  # of hosts that other tests of this process have open
    shape = shape_of(own, own._runtime(Profile.JUDGE, {}))
    for _ in range(2):
        prepare(own)
    own.call(own.host.prepare_ahead(shape.cold))
    own.call(own.host.prepare_ahead(msgspec.structs.replace(shape.cold, makes_out=True)))
    until(lambda: len(standing.look(instance).waiting) == 4, 10)
    there = standing.look(instance)
    assert (len(there.waiting), sum(cell.writes_out for cell in there.waiting)) == (4, 1)
    (zygote,) = set(there.zygotes) - others
    after = Counter(machine.growth(instance))
    held = {"descriptors of a zygote": len(proc.links(zygote.pid))}
    assert after.pop(*held) >= max(*held.values(), before.pop(*held))
    assert after == before
    assert set(machine.leftovers(instance).values()) == {0}
