"""Zygotes: which of them live, how long, and what is forked from them."""

from __future__ import annotations

import json
import logging
import shutil
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cellblock.errors import SandboxError
from cellblock.model import Profile, Verdict
from cellblock.sandbox import spawner, zygotes
from cellblock.sandbox.host import Host
from cellblock.sandbox.shapes import CellShape, How
from cellblock.sandbox.template import HOST_ROOT, Root
from sandbox.cells import MIB, Cells, children_of, opened, processes_of, until
from sandbox.waiting import drop, prepare, run_warm, shape_of, tick, zygote_pids


def test_zygote_is_replaced_after_its_runs(own, monkeypatch):
    monkeypatch.setattr(zygotes, "_RUNS_MAX", 2)
    seen = []
    for _ in range(4):
        drop(own)
        prepare(own)
        seen += zygote_pids(own)
    assert seen[0] == seen[1] != seen[2] == seen[3]
    drop(own)
    until(lambda: seen[0] not in children_of(own.spawner_pid), 5)


def test_zygote_is_replaced_when_it_is_old(own, monkeypatch):
    prepare(own)
    (first,) = zygote_pids(own)
    monkeypatch.setattr(zygotes, "_AGE_MAX_S", 0.0)
    drop(own)
    prepare(own)
    assert zygote_pids(own) != [first]
    until(lambda: first not in children_of(own.spawner_pid), 5)


def test_no_program_begins_in_a_cell_that_has_waited_until_its_zygote_was_old(own, monkeypatch):
    age_s = 3 * own.time_scale
    monkeypatch.setattr(zygotes, "_AGE_MAX_S", age_s)
    prepare(own)
    prepare(own)
    seen = own.run("print(hash('seed'))"), own.run("print(hash('seed'))")
    assert [outcome.evidence.warm_start for outcome in seen] == [True, True]
    assert seen[0].stdout == seen[1].stdout
    prepare(own)
    time.sleep(age_s)
    assert own.run("print(hash('seed'))").stdout not in {seen[0].stdout, b""}


def test_no_more_zygotes_live_than_may_though_there_are_more_kinds(own, monkeypatch):
    monkeypatch.setattr(zygotes, "_LIVING_MAX", 2)
    for number in range(5):
        prepare(own, stack_bytes=(number + 8) * MIB)
        drop(own)
    assert len(zygote_pids(own)) == 2
    until(lambda: sorted(children_of(own.spawner_pid)) == sorted(zygote_pids(own)), 5)


def test_arguments_start_no_runtime_ahead_and_are_in_none(own):
    """Whoever asks later with the same ones would learn of it: by the time that it takes, or the evidence."""
    for _ in range(4):
        assert not own.run("import sys; print(sys.argv[1])", args=("secret",)).evidence.warm_start
    assert run_warm(own, "print(1)").stdout == b"1\n"
    for pid in zygote_pids(own):
        assert b"secret" not in Path(f"/proc/{pid}/cmdline").read_bytes()
    tick(own, lambda: own.host.waiting_cells > 0)
    assert {shape.warm.argv[-1] for shape in own.host._pool._demands if shape.warm} == {"/box/main.py"}


def other_runtime(cells: Cells, **changes: Any) -> CellShape:
    shape = shape_of(cells, cells._runtime(Profile.JUDGE, {}))
    return msgspec.structs.replace(shape, warm=msgspec.structs.replace(shape.warm, **changes))


NEVER_AT_THE_GATE = {
    "ends": {"argv": ("/usr/bin/python3", "-c", "raise SystemExit('no main')")},
    "hangs": {"argv": ("/bin/sleep", "600")},
    "is not there": {"argv": ("/usr/bin/nothing",)},
    "hangs in its cell": {"argv": ("/bin/sleep", "600"), "how": How.BOOT},
    "ends in its cell": {"argv": ("/bin/true",), "how": How.BOOT},
}


@pytest.mark.parametrize("changes", NEVER_AT_THE_GATE.values(), ids=NEVER_AT_THE_GATE)
def test_runtime_that_never_comes_to_its_gate_means_cold_starts(own, monkeypatch, caplog, changes):
    monkeypatch.setattr(spawner, "_ZYGOTE_BOOT_S", 1)
    monkeypatch.setattr("cellblock.sandbox.cell._PREPARE_TIMEOUT_S", 1)
    shape = other_runtime(own, **changes)
    caplog.set_level(logging.WARNING)
    for _ in range(2):
        with pytest.raises(SandboxError):
            own.call(own.host.prepare_ahead(shape))
    warned = [record.getMessage() for record in caplog.records if record.name == "cellblock.sandbox.zygotes"]
    assert len(warned) == ("in its cell" not in str(changes) and shape.warm.how is How.FORK)
    assert all(shape.warm.argv[0] in line for line in warned)

    async def make() -> bool:
        prepared = await own.host._prepare_now(shape)
        await prepared.close()
        return prepared.cell.shape.warm is None

    assert own.call(make())
    own.assert_nothing_is_left()


def test_program_whose_executable_is_not_in_its_root_is_not_begun(own, tmp_path):
    """It would keep its zygote's, which others have too."""
    shutil.copy("/usr/bin/python3", tmp_path / "python3")
    own.call(own.host.set_roots({"further": Root(binds=((str(tmp_path), "/opt/further"),))}))
    shape = other_runtime(own, argv=("/opt/further/python3", "/box/main.py"))
    shape = msgspec.structs.replace(shape, root="further", binds=())
    with pytest.raises(SandboxError, match="fork_program failed: No such file or directory: executable"):
        own.call(own.host.prepare_ahead(shape))
    assert len(zygote_pids(own)) == 1
    own.call(own.host.prepare_ahead(msgspec.structs.replace(shape, binds=("/opt/further",))))


def test_nothing_is_left_when_the_host_is_closed(time_scale):
    before = len(list(Path("/proc/self/fd").iterdir()))
    with opened(time_scale, warm_starts="true", pool_cells_max="4") as cells:
        assert run_warm(cells, "print(1)").stdout == b"1\n"
        prepare(cells)
        prepare(cells)
        host: Host = cells.host
        trees, first, root = (
            host._tree.paths,
            host._block.first_uid,
            host._roots._posts[HOST_ROOT].spawner.pid,
        )
        pids = [root, *zygote_pids(cells), *cells.processes()]
        assert len(pids) > 4
    assert processes_of(range(first, first + 128)) == []
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), 5)
    assert not any(path.exists() for path in trees)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


OWN_MEMORY = """
import json
lines = open("/proc/self/smaps_rollup").read().splitlines()[1:]
print(json.dumps({line.split(":")[0]: int(line.split()[1]) for line in lines}))
"""


def test_forked_program_has_taken_the_memory_that_it_begins_with_before_its_job_came(warm):
    outcome = run_warm(warm, OWN_MEMORY)
    assert outcome.verdict is Verdict.AC, outcome.stderr.decode()
    kib = json.loads(outcome.stdout)
    assert kib["Private_Dirty"] > 2000
    assert kib["Shared_Dirty"] < 300, "relocated constants are what a fork may share"
    assert outcome.evidence.cgroup.memory_peak_bytes > kib["Private_Dirty"] * 1024


def test_init_of_a_forked_program_has_let_go_of_the_memory_of_the_interpreter(warm, monkeypatch):
    monkeypatch.setattr(warm.host._pool, "_next_missing", lambda: None)  # one cell, not one of the pool's too
    prepare(warm)
    (zygote,) = (pid for pid in zygote_pids(warm) if children_of(pid))
    (init,) = children_of(zygote)
    until(lambda: anonymous_kib(init) < anonymous_kib(zygote) - 1000, 5 * warm.time_scale)
    (program,) = children_of(init)
    assert anonymous_kib(program) > anonymous_kib(zygote) - 500
    assert run_warm(warm, "print('well')").stdout == b"well\n"


def anonymous_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Anonymous:"))
