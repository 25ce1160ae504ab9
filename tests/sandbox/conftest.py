"""One instance for all tests that only run programs in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.cells import Cells, opened, remove_own_leases


@pytest.fixture(scope="session", autouse=True)
def _leases() -> Iterator[None]:
    yield
    remove_own_leases()


@pytest.fixture(scope="session")
def _session_cells(time_scale: float) -> Iterator[Cells]:
    with opened(time_scale) as cells:
        assert cells.host.problems == ()
        yield cells


@pytest.fixture
def cells(_session_cells: Cells) -> Iterator[Cells]:
    """The instance; after each test nothing of its cells may be left."""
    yield _session_cells
    _session_cells.assert_nothing_is_left()
