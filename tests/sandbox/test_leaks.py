"""Nothing grows: many runs of every kind, several at a time, leave the host as they found it."""

from __future__ import annotations

import asyncio
import gc
import os
import random
from collections import Counter
from pathlib import Path

import pytest

from cellblock.errors import SandboxError
from cellblock.model import Verdict
from cellblock.sandbox.cell import Cell
from sandbox.cells import MIB, Cells, children_of, opened, until

AT_A_TIME = 4

MIX = {
    "hello": ("print(2 + 2)", {}, Verdict.AC),
    "error": ("raise RuntimeError", {}, Verdict.RE),
    "signal": ("import os; os.abort()", {}, Verdict.SIG),
    "forbidden": ("import ctypes; ctypes.CDLL(None).ptrace(0, 0, 0, 0)", {}, Verdict.SIG),
    "orphans": (
        "import os, time\nfor _ in range(3): os.fork() or (os.setsid(), time.sleep(60))",
        {},
        Verdict.AC,
    ),
    "fork bomb": ("import os\nwhile True: os.fork()", {}, Verdict.PLE),
    "sleep": ("import time; time.sleep(60)", {"wall_ms": 400}, Verdict.TLE),
    "spin": ("while True: pass", {"cpu_ms": 200}, Verdict.TLE),
    "memory": (
        "kept = []\nwhile True: kept.append(bytearray(1 << 20))",
        {"memory_bytes": 32 * MIB},
        Verdict.MLE,
    ),
    "files": ("for n in range(200): open(str(n), 'wb').write(bytes(1000))", {}, Verdict.AC),
    "flood": (
        "import os\nfor _ in range(50): os.write(1, b'y' * 65536)",
        {"output_bytes": 10_000},
        Verdict.AC,
    ),
    "unread input": ("pass", {"stdin": b"z" * 200_000}, Verdict.AC),
    "no descriptors": ("import os; os.closerange(0, 64); os._exit(0)", {}, Verdict.AC),
    "does not fit": ("print(1)", {"work_area_inodes": 1}, Verdict.IE),
}


def traces(cells: Cells) -> dict[str, object]:
    """Count everything that a cell is made of, as far as it is ours."""
    gc.collect()
    links = [str(path.readlink()) for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
    spawner = Path("/proc", str(cells.spawner_pid))
    return {
        "groups": len(cells.groups()),
        "mounts here": len(Path("/proc/self/mountinfo").read_text().splitlines()),
        "mounts of the spawner": len((spawner / "mountinfo").read_text().splitlines()),
        "processes": len(cells.processes()),
        "children here": len(children_of(os.getpid())),
        "descriptors here": Counter(link.split(":")[0] for link in links),
        "memfds here": sum("memfd:" in link for link in links),
        "descriptors of the spawner": len(list((spawner / "fd").iterdir())),
        "free uids": len(cells.host._block._free),
    }


async def run_mixed(cells: Cells, count: int) -> list[tuple[str, Verdict]]:
    slots = asyncio.Semaphore(AT_A_TIME)
    order = random.Random(count)  # noqa: S311  # the same mix each time

    async def run(name: str) -> tuple[str, Verdict]:
        code, more, _ = MIX[name]
        async with slots:
            return name, (await cells.running(code, **more)).verdict

    names = [list(MIX)[number % len(MIX)] for number in range(count)]
    order.shuffle(names)
    return await asyncio.gather(*(run(name) for name in names))


@pytest.mark.parametrize("count", [60, pytest.param(500, marks=[pytest.mark.slow, pytest.mark.timeout(900)])])
def test_mixed_runs_leave_nothing_behind(time_scale, count):
    with opened(time_scale) as cells:
        cells.run("print('warm')")
        before = traces(cells)
        told = cells.call(run_mixed(cells, count))
        assert [(name, verdict) for name, verdict in told if verdict is not MIX[name][2]] == []
        until(lambda: traces(cells) == before, 3 * time_scale)
        memory_kb = _resident_kb(cells.spawner_pid)
        cells.call(run_mixed(cells, len(MIX)))
        assert _resident_kb(cells.spawner_pid) <= memory_kb + 64


def _resident_kb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


def test_namespaces_of_ended_cells_are_gone(time_scale):
    with opened(time_scale) as cells:
        seen = cells.observe('import json, os; print(json.dumps(os.readlink("/proc/self/ns/net")))')
        cells.assert_nothing_is_left()
        assert seen not in _network_namespaces()


def _network_namespaces() -> set[str]:
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            found.add(str((process / "ns/net").readlink()))
        except OSError:
            continue
    return found


def test_a_closed_instance_leaves_no_trace(time_scale):
    with opened(time_scale) as cells:
        cells.assert_next_run_works()
        trees, spawner = cells.host._tree.paths, cells.spawner_pid
        assert all(path.exists() for path in trees)
    assert [path for path in trees if path.exists()] == []
    assert not Path("/proc", str(spawner)).exists()


@pytest.mark.parametrize("failing", ["prepare", "_read_back"])
def test_a_cell_that_fails_halfway_leaves_nothing(monkeypatch, time_scale, failing):
    with opened(time_scale) as cells:
        cells.run("print('warm')")
        before = traces(cells)

        def fail(*_):
            raise SandboxError("made_up")

        monkeypatch.setattr(Cell, failing, fail)
        assert "made_up" in cells.run("print(1)").error_message
        monkeypatch.undo()
        until(lambda: traces(cells) == before, 1 * time_scale)
        cells.assert_next_run_works()
