"""Instances share a host: each has uids and cgroups of its own, and clears up only after the dead."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cellblock.errors import HostError
from cellblock.model import Verdict
from cellblock.sandbox.leases import lease_uid_block
from sandbox.cells import opened, own_uid_range, processes_of, until

WHO = "import json, os; print(json.dumps(os.getuid()))"


def test_two_instances_have_different_uids_and_groups(time_scale):
    first, second = (own_uid_range().split("-") for _ in range(2))  # one after the other
    shared = f"{first[0]}-{second[1]}"
    with opened(time_scale, uid_range=shared) as first, opened(time_scale, uid_range=shared) as second:
        assert first.host.instance != second.host.instance
        assert set(first.host._tree.paths).isdisjoint(second.host._tree.paths)
        assert set(first.host._block.program_uids).isdisjoint(second.host._block.program_uids)
        for cells in (first, second):
            assert cells.observe(WHO) in cells.host._block.program_uids


def test_one_instance_closing_leaves_the_other_alone(time_scale):
    with opened(time_scale) as staying:
        with opened(time_scale) as leaving:
            leaving.assert_next_run_works()
            staying.assert_next_run_works()
        assert all(path.exists() for path in staying.host._tree.paths)
        staying.assert_next_run_works()


def test_a_living_instances_uids_cannot_be_leased_by_another(cells):
    """The lease is what makes sweeping safe: who lives holds it."""
    with pytest.raises(HostError, match="no free block of 128 uids"):
        lease_uid_block(*cells.settings.uid_range)
    cells.assert_next_run_works()


def test_uids_rest_before_they_are_seen_again(time_scale):
    with opened(time_scale) as cells:
        uids = [cells.observe(WHO) for _ in range(10)]
    assert len(set(uids)) == 10


DYING = """
import asyncio, sys
from cellblock import config
from cellblock.engine.availability import Finding
from cellblock.engine.installation import Installation
from cellblock.engine.run import Engine
from cellblock.languages.registry import load_catalog
from cellblock.model import Job, SourceFile
from cellblock.sandbox.host import Host

async def main():
    settings = config.load({"uid_range": sys.argv[1], "pool_cells_max": "0"}, {})
    host = await Host.open(settings)
    engine = Engine(settings, host, load_catalog(1 << 20, {}), Installation(settings.toolchain_dir))
    engine.availability.note("python-host", Finding("3.11.2", ""))
    code = b"import os, time\\nos.fork()\\nos.setsid() if os.getpid() != 2 else 0\\ntime.sleep(60)"
    runs = [engine.run(Job(id="x", language="python", files=(SourceFile("", code),))) for _ in range(2)]
    print([str(path) for path in host._tree.paths], flush=True)
    await asyncio.gather(*runs)

asyncio.run(main())
"""


@pytest.fixture
def dying_instance(time_scale):
    """An instance in a process of its own, with two runs under way; its uid range and its process."""
    uids = own_uid_range()
    first = int(uids.split("-")[0])
    process = subprocess.Popen(
        [sys.executable, "-c", DYING, uids],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    paths = [Path(path) for path in json.loads(process.stdout.readline().replace("'", '"'))]
    until(
        lambda: len(processes_of(range(first, first + 128))) == 6, 10 * time_scale
    )  # two inits, four sleepers
    yield uids, first, paths, process
    process.kill()
    process.wait()
    process.stdout.close()


def test_nothing_of_an_instance_that_was_killed_outlives_it_and_its_groups_are_swept(
    time_scale, dying_instance
):
    uids, first, paths, process = dying_instance
    process.send_signal(signal.SIGKILL)
    process.wait()
    until(lambda: processes_of(range(first, first + 128)) == [], 1 * time_scale)
    with opened(time_scale, uid_range=uids) as heir:
        assert heir.host.instance == f"u{first}"
        assert heir.host._tree.paths == paths
        assert heir.groups() == []
        heir.assert_next_run_works()
        heir.assert_nothing_is_left()
    assert [path for path in paths if path.exists()] == []


def test_what_a_dead_instance_left_is_swept_by_whoever_comes_next(time_scale, dying_instance):
    _, first, paths, process = dying_instance
    process.kill()
    process.wait()
    with opened(time_scale):
        assert [path for path in paths if path.exists()] == []
    assert processes_of(range(first, first + 128)) == []


def test_a_living_instance_is_not_swept_by_whoever_comes_next(time_scale, dying_instance):
    _, first, paths, _ = dying_instance
    with opened(time_scale):
        assert all(path.exists() for path in paths)
        assert len(processes_of(range(first, first + 128))) == 6


def test_a_terminated_spawner_of_another_instance_does_not_disturb_this_one(time_scale, dying_instance):
    _, _, _, process = dying_instance
    with opened(time_scale) as cells:
        process.kill()
        assert cells.run("print(1)").verdict is Verdict.AC
