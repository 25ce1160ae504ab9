"""Every call by which a runtime comes to wait, and goes on with its job, is made to fail, as set-up's are.

The library that is preloaded into runtimes is built as it is, with its calls to libc going through
``native/inject.c``.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from itertools import pairwise

import msgspec
import pytest
from msgspec import Struct

from cellblock.engine.run import Engine
from cellblock.errors import CellLostError, SandboxError
from cellblock.languages.registry import Command, Plan, Runtime
from cellblock.model import Outcome, Profile, SourceFile, Verdict
from cellblock.sandbox import pool, roots, zygotes
from cellblock.sandbox.shapes import CellShape
from sandbox import injected
from sandbox.cells import Cells, children_of, engine_for, opened, processes_of, until
from sandbox.injected import (
    CONTROLLING,
    ERRORS,
    FAILS,
    FILTERED,
    INIT,
    LIES,
    NOTHING_LOST,
    PROGRAM,
    RUNTIME,
    SPEAKING,
    WAITS,
    Call,
    Injector,
    injecting,
    not_here,
)
from sandbox.waiting import drop, refill_nothing

MAIN = b"the submission's own"
FILES = (SourceFile("main.txt", MAIN), SourceFile("other", b""))
FORK = "import os; main = open('/box/main.txt'); os.stat('/box/other'); print(main.read(), end='')"
BOOT = "print(open('/box/main.txt').read(), end='')"

CAN_BE_SPARED = {
    "dup3": "it speaks to the helper's stderr, until it has its own",
    "fgets": "less memory is taken ahead",
    "fstatat": "its inits keep the interpreter's memory",
    "prctl": "its variables stay to be seen; or what it does not need while all else goes well",
}
"""Calls of a zygote, before its first cell, after whose failure it serves as well."""
SPARED_BEHIND_THE_GATE = {
    "prctl": "a program may not look at itself, which this one does not",
    "syscall 273": "its locks are not found when a thread of it dies (set_robust_list)",
}
"""Calls of a forked program, after whose failure it goes on: nobody else is the worse for it."""
GONE_ON = "syscall 273"
"""The first of a forked program when it goes on."""


class Runs(Struct, frozen=True):
    """One runtime that waits, and its submission."""

    cells: Cells
    injector: Injector
    engine: Engine
    runtime: Runtime
    plan: Plan

    @property
    def shape(self) -> CellShape:
        return self.engine._spec(self.runtime, self.plan.run, self.plan.files).shape

    def prepare(self) -> None:
        self.cells.call(self.cells.host.prepare_ahead(self.shape))

    def run(self) -> Outcome:
        return self.cells.call(self.engine.run_plan(self.runtime, self.plan))

    def run_well(self, *, warm: bool) -> None:
        outcome = self.run()
        assert (outcome.verdict, outcome.stdout) == (Verdict.AC, MAIN), (
            outcome.error_message,
            outcome.stderr,
        )
        assert outcome.evidence.warm_start == warm

    def ending(self) -> str:
        """Have one wait and run it; return the message of what failed, ``lost``, or ``well``."""
        try:
            self.prepare()
            outcome = self.run()
        except CellLostError as lost:
            return f"lost: {lost}"
        except SandboxError as failure:
            return str(failure)
        if outcome.verdict is Verdict.IE:
            return outcome.error_message
        assert (outcome.verdict, outcome.stdout) == (Verdict.AC, MAIN), (outcome.verdict, outcome.stderr)
        assert outcome.evidence.warm_start
        return "well"

    def calls(self, *places: tuple[int, int]) -> list[list[Call]]:
        """Return what was called at each place, of a cell by a role, from now to the program's end."""
        with self.injector.going_wrong(None):
            assert self.ending() == "well"
            return [self.injector.calls(*place) for place in places]

    def end_of(self, call: Call, error: int = errno.EPERM, mode: int = FAILS) -> str:
        """Let the call go wrong and return how that ended; nothing may be left, and the next run works."""
        before = injected.counted()
        with self.injector.going_wrong(call, error, mode):
            end = self.ending()
            assert self.injector.hits >= 1, str(call)
        self.assert_nothing_is_left()
        self.prepare()
        self.run_well(warm=True)
        self.assert_nothing_is_left()
        assert injected.counted() == before, str(call)
        return end

    def assert_nothing_is_left(self) -> None:
        """But the zygote, which may have ended with the call: then it is no child any more."""
        drop(self.cells)
        assert self.cells.groups() == []
        first = self.cells.host._block.first_uid
        until(lambda: processes_of(range(first, first + 128)) == [], 5 * self.cells.time_scale)
        places = self.cells.host._zygotes._places.values()
        known = {place.zygote.spawner.pid for place in places if place.zygote}
        until(lambda: set(children_of(self.cells.spawner_pid)) <= known, 5 * self.cells.time_scale)

    def end_zygotes(self) -> None:
        drop(self.cells)
        self.cells.call(self.cells.host._zygotes.retire_all())
        until(lambda: children_of(self.cells.spawner_pid) == [], 5 * self.cells.time_scale)


@pytest.fixture(scope="module")
def injector(tmp_path_factory) -> Iterator[Injector]:
    with injecting(injected.build("injected", tmp_path_factory.mktemp("injected"))) as injector:
        yield injector


@pytest.fixture(scope="module")
def cells(injector, time_scale) -> Iterator[Cells]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(roots, "HELPER", injector.helper)
        patch.setattr(roots, "_PRELOAD", injected.library(injector.helper))
        patch.setattr(pool.Pool, "_refill", refill_nothing)
        patch.setattr(zygotes, "_RETRY_S", 0)
        patch.setattr(zygotes, "_RUNS_MAX", 10_000)  # a call is counted from its zygote's last cell on
        patch.setattr(zygotes, "_AGE_MAX_S", 10_000)
        with opened(time_scale, warm_starts="true", pool_cells_max="4") as made:
            assert made.host.problems == ()
            yield made


def waiting(cells: Cells, injector: Injector, code: str, **how: str) -> Runs:
    runtime = cells._runtime(Profile.JUDGE, {})
    command = Command(
        argv=("/usr/bin/python3", "-I", "-c", code),
        environment={},
        limits=runtime.limits[Profile.JUDGE],
        **how,
    )
    plan = Plan(files=FILES, compile=None, run=command)
    return Runs(cells, injector, engine_for(cells.settings, cells.host, runtime), runtime, plan)


@pytest.fixture
def forked(cells, injector) -> Iterator[Runs]:
    runs = waiting(cells, injector, FORK, warm="fork", gate="/box/other", stand_in="/box/main.txt")
    yield runs
    runs.end_zygotes()


@pytest.fixture
def booted(cells, injector) -> Runs:
    return waiting(cells, injector, BOOT, warm="boot", gate="/box/main.txt")


def step_of(message: str) -> str:
    """Return the step that a message names; ``lost`` and ``well`` are none."""
    if message == "well" or message.startswith("lost: "):
        return message[:4]
    named = re.match(r"cell step ([a-z_]+) failed", message)
    assert named, message
    return named[1]


def words_of(function: str) -> set[str]:
    """Return all that the library says by that function when it gives up."""
    text = (injected.NATIVE / "warm.c").read_text()
    return set(re.findall(rf'{function}\((?:STEP_\w+, )?"([^"]+)"\)', text))


# ---- a zygote's own start ----


@pytest.mark.timeout(300)
def test_every_failing_call_of_a_zygotes_start_is_named_and_means_a_cold_start(forked):
    executing, beginning = forked.calls((0, INIT), (0, RUNTIME))
    asked_for_a_cell = [index for index, call in enumerate(beginning) if call.name == "recvmsg"][1]
    chosen = [*injected.telling(executing), *injected.new_pairs(beginning[:asked_for_a_cell])]
    assert {"execve", "unshare", "mremap", "mincore", "sigaction", "memfd_create"} <= {
        call.name for call in chosen
    }
    words = words_of("end_with_words")
    said = set()
    for call in chosen:
        end = end_of_start(forked, call)
        named = words | {f"{step}: " for step in injected.steps()}
        found = {word for word in named if f"ended before it waited: {word}" in end}
        said |= found
        if end == "well":
            assert call.name in NOTHING_LOST | set(CAN_BE_SPARED), str(call)
        elif call.name in SPEAKING:
            assert "cell step zygote failed: ended before it waited" in end, (str(call), end)
        elif step_of(end) != "filter_load":
            assert "cell step zygote failed" in end, (str(call), end)
            assert found, (str(call), end)
            assert "Bad file descriptor" not in end, "that is not what failed"
    assert words - said == set()


def end_of_start(runs: Runs, call: Call) -> str:
    """Let the call go wrong while a zygote starts: the run is right all the same, and the next is warm."""
    runs.end_zygotes()
    before = injected.counted()
    with runs.injector.going_wrong(call):
        end = runs.ending()
        assert runs.injector.hits == 1, str(call)
        if end != "well":
            runs.run_well(warm=False)
    runs.prepare()
    runs.run_well(warm=True)
    runs.end_zygotes()
    runs.assert_nothing_is_left()
    assert injected.counted() == before, str(call)
    return end


# ---- a zygote's cells ----


def calls_of_a_cell(runs: Runs) -> list[Call]:
    """Return what is called for a cell of a living zygote, up to the gate's opening and by the program."""
    runs.prepare()
    drop(runs.cells)
    cloning, init, program = runs.calls((0, RUNTIME), (0, INIT), (0, PROGRAM))
    names = [call.name for call in init]
    end = names.index("sendmsg", names.index(FILTERED))
    return [*cloning[:1], *init[: end + 1], *program]


def only_forked(runs: Runs, calls: list[Call]) -> list[Call]:
    """Leave out what a cell without a runtime calls in the same order, which is the same code."""
    with runs.injector.going_wrong(None):
        assert runs.cells.run_argv("/bin/true", files=FILES).verdict is Verdict.AC
        made = [runs.injector.calls(0, role) for role in (INIT, PROGRAM)]
    known = {(a.role, a.name, b.name) for row in made for a, b in pairwise(row)}
    return [b for a, b in pairwise([calls[0], *calls]) if (b.role, a.name, b.name) not in known]


def assert_named(calls: list[Call], call: Call, end: str, error: int = errno.EPERM) -> None:
    gone_on = next(one.number for one in calls if (one.role, one.name) == (PROGRAM, GONE_ON))
    behind = call.role == PROGRAM and call.number >= gone_on and call.name in SPARED_BEHIND_THE_GATE
    if end != "well" or not behind:
        injected.assert_named(call, step_of(end), error)


@pytest.mark.timeout(300)
def test_every_failing_call_that_only_forked_programs_make_is_named_and_leaves_nothing(forked):
    calls = calls_of_a_cell(forked)
    chosen = injected.telling(only_forked(forked, calls))
    assert {"sigaction", "open", "syscall 12", "prctl", "madvise", "openat", "dup3"} <= {
        call.name for call in chosen
    }
    assert {call.role for call in chosen if call.name == "madvise"} == {INIT, PROGRAM}
    ends = {call: forked.end_of(call) for call in chosen}
    for call, end in ends.items():
        assert_named(calls, call, end)
    assert all(end.endswith(": memory") for call, end in ends.items() if call.name == "madvise")
    named = {word for word in words_of("end_by_name") for end in ends.values() if end.endswith(f": {word}")}
    assert named == {"main file"}


def test_what_a_forked_program_says_to_be_done_and_is_not_is_found_by_the_look_at_it(forked, cells):
    calls = [call for call in calls_of_a_cell(forked) if call.role == PROGRAM and call.name in CONTROLLING]
    assert {call.name for call in calls} == CONTROLLING - not_here(cells)
    for call in calls:
        assert step_of(forked.end_of(call, mode=LIES)) == "controls", str(call)


# ---- runtimes that boot in their cells ----


def calls_of_a_boot(runs: Runs) -> list[Call]:
    program, runtime = runs.calls((0, PROGRAM), (0, RUNTIME))
    assert program[-1].name == "execve"
    return [program[-1], *runtime]


def assert_boot_named(call: Call, end: str, error: int = errno.EPERM) -> None:
    if end == "well":
        heard_again = error == errno.EINTR and call.name in SPEAKING
        assert heard_again or call.name in {"close", "prctl"}, str(call)  # prctl: blank variables can be seen
    elif step_of(end) == "lost":  # it had said that it waits, and its end comes while it is looked at
        assert call.name == "recvmsg", (str(call), end)
    else:
        assert step_of(end) in injected.steps(), (str(call), end)


def test_every_failing_call_of_a_booted_runtime_is_named_and_leaves_nothing(booted):
    ends = {call: booted.end_of(call) for call in calls_of_a_boot(booted)}
    assert {"execve", "fcntl", "sendmsg", "recvmsg", "getrusage", "getrlimit", "setrlimit"} <= {
        call.name for call in ends
    }
    for call, end in ends.items():
        assert_boot_named(call, end)
    named = {word for word in words_of("end_by_name") for end in ends.values() if end.endswith(f": {word}")}
    assert named == words_of("end_by_name") - {"main file"}, ends


def test_last_word_of_a_runtime_is_heard_though_init_is_late_and_finds_it_ended(booted):
    (calls,) = booted.calls((0, INIT))
    first_look = next(call for call in calls if call.name == "poll")
    warm = msgspec.structs.replace(booted.shape.warm, argv=("/usr/bin/nothing",))
    with (
        booted.injector.going_wrong(first_look, mode=WAITS),
        pytest.raises(SandboxError, match="step exec failed: No such file or directory: /usr/bin/nothing"),
    ):
        booted.cells.call(booted.cells.host.prepare_ahead(msgspec.structs.replace(booted.shape, warm=warm)))
    assert booted.injector.hits == 1
    booted.assert_nothing_is_left()


# ---- with every error ----


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("error", ERRORS, ids=errno.errorcode.get)
def test_every_call_of_a_forked_program_may_fail_with_every_error(forked, error):
    calls = calls_of_a_cell(forked)
    for call in injected.telling(calls):
        end = forked.end_of(call, error)
        if step_of(end) != "controls":
            assert_named(calls, call, end, error)


@pytest.mark.slow
@pytest.mark.parametrize("error", ERRORS, ids=errno.errorcode.get)
def test_every_call_of_a_booted_runtime_may_fail_with_every_error(booted, error):
    for call in calls_of_a_boot(booted):
        assert_boot_named(call, booted.end_of(call, error), error)
