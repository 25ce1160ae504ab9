"""Both ways to run a program, once for all tests here."""

from __future__ import annotations

import pytest

from corpus.sides import both_sides


@pytest.fixture(scope="package")
def sides(time_scale):
    with both_sides(time_scale) as sides:
        yield sides


@pytest.fixture(scope="package")
def warm_sides(time_scale):
    with both_sides(time_scale, warm_starts="true", pool_cells_max="8") as sides:
        yield sides
