"""A set-up for which descriptors run out is named, and leaves nothing."""

from __future__ import annotations

from cellblock.model import Verdict
from cellblock.sandbox.cgroup_v2 import CgroupTreeV2
from sandbox.cells import opened
from sandbox.running_out import assert_half_made_groups_go, descriptors, running_out


def test_no_half_made_group_of_cgroup_v2_is_left(monkeypatch, tmp_path):
    """In a mere directory: there it is made as in a hierarchy without controllers."""
    tree = CgroupTreeV2.__new__(CgroupTreeV2)
    tree.paths, tree.missing = [tmp_path], dict.fromkeys(("memory", "pids"), "no controllers here")
    assert_half_made_groups_go(tree, monkeypatch)


def test_a_cell_for_whose_pipes_there_are_no_descriptors_leaves_nothing(monkeypatch, time_scale):
    with opened(time_scale) as cells:
        cells.assert_next_run_works()
        before, failed = descriptors(), 0
        for _ in running_out(monkeypatch, "pipe2"):
            outcome = cells.run("print('well')")
            if outcome.verdict is Verdict.AC:
                break
            failed += 1
            assert "cell step pipes failed: Too many open files" in outcome.error_message
            assert descriptors() == before
            cells.assert_nothing_is_left()
        assert failed == 3
        assert (outcome.stdout, descriptors()) == (b"well\n", before)
