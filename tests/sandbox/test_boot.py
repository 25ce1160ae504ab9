"""Where a runtime that boots in its cell stops, and what it hears until then."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from cellblock.languages.registry import Command, Plan
from cellblock.model import Outcome, Profile, SourceFile, Verdict
from cellblock.sandbox import pool, wire
from cellblock.sandbox.cell import Cell
from cellblock.sandbox.requests import cpu_backstop_s
from pace import TIME_SCALE
from sandbox.cells import Cells, engine_for, opened
from sandbox.waiting import refill_nothing

WAITED_S = 0.2 * TIME_SCALE
"""Long enough for a runtime to have come to where it waits."""
MAIN = b"the submission's own"
PRELUDE = """
import json, os, stat, time
def seen():
    try: found = os.stat("main.py")
    except OSError as error: return error.errno
    return [stat.S_ISREG(found.st_mode), found.st_size]
"""


@pytest.fixture(scope="module")
def warm(time_scale) -> Iterator[Cells]:
    """Without cells of the pool's own making: a later one would have waited for less long."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool.Pool, "_refill", refill_nothing)
        with opened(time_scale, warm_starts="true", pool_cells_max="4") as cells:
            yield cells


def wait_and_run(
    cells: Cells, code: str, *, gate: str, stand_in: str = "", makes_out: bool = False, **limits: int
) -> Outcome:
    """Have a runtime wait that runs ``code``, for a while, and then give it its submission."""
    runtime = cells._runtime(Profile.JUDGE, limits)
    command = Command(
        argv=("/usr/bin/python3", "-I", "-c", PRELUDE + code),
        environment={},
        limits=runtime.limits[Profile.JUDGE],
        warm="boot",
        gate=gate,
        stand_in=stand_in,
    )
    files = (SourceFile("main.py", MAIN), SourceFile("other", b""))
    ended = Command(argv=("/bin/true",), environment={}, limits=command.limits)
    plan = Plan(files=files, compile=command if makes_out else None, run=ended if makes_out else command)
    engine = engine_for(cells.settings, cells.host, runtime)
    cells.call(cells.host.prepare_ahead(engine._spec(runtime, command, files, makes_out=makes_out).shape))
    time.sleep(WAITED_S)
    return cells.call(engine.run_plan(runtime, plan))


def boot(cells: Cells, code: str, *, makes_out: bool = False, **more: Any) -> Outcome:
    outcome = wait_and_run(cells, code, makes_out=makes_out, **more)
    assert outcome.verdict is Verdict.AC, (outcome.error_message, outcome.stderr.decode())
    told = outcome.evidence.compile if makes_out else outcome.evidence
    assert told is not None
    assert told.warm_start
    return outcome


def observe(cells: Cells, code: str, **more: Any) -> Any:
    return json.loads(boot(cells, code, **more).stages[0].stdout)


LOOKS = """
begun = time.monotonic()
first = {look}
print(json.dumps([time.monotonic() - begun, first]))
"""


@pytest.mark.parametrize(
    "look",
    [
        'os.path.exists("other")',
        'os.path.exists("./other")',
        'os.path.exists("/box/other")',
        'open("other").read() == ""',
        'os.access("other", os.R_OK)',
        'os.path.isdir(".")',
    ],
)
def test_whatever_names_the_work_area_stops_it(warm, look):
    waited_s, found = observe(warm, LOOKS.format(look=look), gate="/box/")
    assert waited_s > WAITED_S / 2
    assert found is True


@pytest.mark.parametrize("look", ['os.path.exists(".hidden")', 'os.path.exists("/usr/bin")', "os.getcwd()"])
def test_nothing_else_stops_it(warm, look):
    """A submission with hidden files never gets a runtime that was started before they were there."""
    waited_s, _ = observe(warm, LOOKS.format(look=look) + 'os.stat("/box/main.py")', gate="/box/")
    assert waited_s < WAITED_S / 2


def test_main_file_is_there_before_it_is_for_who_only_asks(warm):
    code = """
early, begun = seen(), time.monotonic()
os.stat("/box/other")
print(json.dumps([early[0], early[1] > 1000, time.monotonic() - begun, seen()]))
"""
    is_file, is_another, waited_s, late = observe(warm, code, gate="/box/", stand_in="main.py")
    assert (is_file, is_another) == (True, True)
    assert waited_s > WAITED_S / 2
    assert late == [True, len(MAIN)]


def test_who_reads_it_waits_though_it_has_a_stand_in(warm):
    waited_s, text = observe(
        warm, LOOKS.format(look='open("main.py").read()'), gate="/box/", stand_in="main.py"
    )
    assert waited_s > WAITED_S / 2
    assert text == MAIN.decode()


def test_compiler_that_waited_leaves_what_it_makes(warm):
    code = """
mounted = os.path.ismount("/out")
text = open("main.py").read()
open("/out/main", "w").write(text.upper())
print(json.dumps([mounted, text]))
"""
    assert observe(warm, code, gate="main.py", makes_out=True) == [True, MAIN.decode()]


def test_limit_that_cannot_be_set_for_the_job_is_our_failure_and_no_exit_code(warm, monkeypatch):
    """As where the limit that it boots with is not above its own: then it would have to be raised."""
    monkeypatch.setattr(wire, "BOOT_CPU_S", 0)
    outcome = wait_and_run(warm, 'open("main.py")', gate="main.py", open_files=60)
    assert (outcome.verdict, outcome.exit_code) == (Verdict.IE, None)
    assert "cell step rlimits failed: Operation not permitted: from the job on" in outcome.error_message


def test_runtime_boots_with_a_small_share_of_the_cpu_and_its_program_runs_with_everybodys(warm, monkeypatch):
    seen = []
    release = Cell.release

    def look_and_release(cell, spec):
        before = shares(warm)
        release(cell, spec)
        after = shares(warm)
        seen.append([(before[name], share) for name, share in after.items() if before[name] != share])

    monkeypatch.setattr(Cell, "release", look_and_release)
    assert observe(warm, 'print(json.dumps(open("main.py").read()))', gate="main.py") == MAIN.decode()
    assert seen in ([[("128", "1024")]], [[("12", "100")]]), "cpu.shares or cpu.weight of the one cell"


def shares(cells: Cells) -> dict[str, str]:
    """Return every cell's share of the CPU, by the file that tells it."""
    names = ("cpu.shares", "cpu.weight")
    files = [file for tree in cells.host._tree.paths for name in names for file in tree.glob(f"c*/{name}")]
    assert files, "no controller shares the CPU out here"
    return {str(file): file.read_text().strip() for file in files}


def test_cpu_that_it_used_before_its_job_is_not_the_submissions(warm):
    """The kernel counts from the start of the process; its limit is for what comes after the job."""
    code = """
import resource
while time.process_time() < 0.3: pass
used_s = time.process_time()
open("main.py")
print(json.dumps([used_s, resource.getrlimit(resource.RLIMIT_CPU)]))
"""
    used_s, (soft_s, hard_s) = observe(warm, code, gate="/box/", cpu_ms=int(1_000 / warm.time_scale))
    limit_s = cpu_backstop_s(1000)
    assert limit_s + used_s <= soft_s <= limit_s + used_s + 3
    assert hard_s == soft_s + 1
