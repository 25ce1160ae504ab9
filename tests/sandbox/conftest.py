"""One instance for all tests that only run programs in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cellblock.sandbox import roots
from sandbox.cells import Cells, opened, remove_own_leases
from sandbox.waiting import drop


@pytest.fixture(scope="session", autouse=True)
def _leases() -> Iterator[None]:
    yield
    remove_own_leases()


@pytest.fixture(scope="session", autouse=True)
def _helper(other_helper: str, other_preload: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        if other_helper:
            patch.setattr(roots, "HELPER", Path(other_helper))
        if other_preload:
            patch.setattr(roots, "_PRELOAD", Path(other_preload))
        yield


@pytest.fixture(scope="session")
def _session_cells(_helper: None, time_scale: float) -> Iterator[Cells]:
    with opened(time_scale) as cells:
        assert cells.host.problems == ()
        yield cells


@pytest.fixture
def cells(_session_cells: Cells) -> Iterator[Cells]:
    """The instance; after each test nothing of its cells may be left."""
    yield _session_cells
    _session_cells.assert_nothing_is_left()


@pytest.fixture(scope="module")
def _warm_cells(time_scale: float) -> Iterator[Cells]:
    with opened(time_scale, warm_starts="true", pool_cells_max="4") as cells:
        yield cells


@pytest.fixture
def warm(_warm_cells: Cells) -> Cells:
    """An instance that keeps cells ready, in which none waits yet."""
    drop(_warm_cells)
    return _warm_cells


@pytest.fixture
def own(time_scale: float) -> Iterator[Cells]:
    """One that keeps cells ready, for a test that changes it for good."""
    with opened(time_scale, warm_starts="true", pool_cells_max="4") as cells:
        yield cells
