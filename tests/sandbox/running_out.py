"""Descriptors that run out at every moment of a set-up, one moment after the other."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cellblock.errors import SandboxError
from cellblock.sandbox.cgroups import CgroupTree

_MOST = 40


def descriptors() -> list[str]:
    """Return what this process has open."""
    return sorted(entry.name for entry in Path("/proc/self/fd").iterdir())


def running_out(monkeypatch: pytest.MonkeyPatch, function: str) -> Iterator[int]:
    """Have ``os.<function>`` succeed never, then once, then twice, each for one turn of the caller's loop."""
    for times in range(_MOST):
        with monkeypatch.context() as patch:
            _let_run_out(patch, function, times)
            yield times


def _let_run_out(patch: pytest.MonkeyPatch, function: str, times: int) -> None:
    left, original = [None] * times, getattr(os, function)

    def counted(*arguments: Any, **more: Any) -> Any:
        if not left:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        left.pop()
        return original(*arguments, **more)

    patch.setattr(os, function, counted)


def assert_half_made_groups_go(tree: CgroupTree, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have each file that the making of a group opens be one too many, until all can be opened."""
    before, failed = descriptors(), 0
    for _ in running_out(monkeypatch, "open"):
        try:
            group = tree.create_cell("one", 64 << 20, 5, sockets=True)
        except SandboxError as error:
            assert error.errno == errno.EMFILE  # noqa: PT017  # that it is raised is not what is asked
            failed += 1
        else:
            assert group.remove()
            break
        assert not [path for path in tree.paths if (path / "one").exists()]
        assert descriptors() == before
    assert failed
    assert descriptors() == before
