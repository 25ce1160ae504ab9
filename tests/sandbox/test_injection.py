"""Every call of the helper's set-up is made to fail: the step is named, nothing is left, the next run works.

The helper is built as it is, with sanitizers, and with its calls to libc going through ``native/inject.c``.
"""

from __future__ import annotations

import errno
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cellblock.errors import CellLostError, SandboxError
from cellblock.model import SourceFile, Verdict
from cellblock.sandbox import roots
from cellblock.sandbox.seccomp import build_filters
from cellblock.sandbox.spawner import Spawner
from cellblock.sandbox.template import Root, build_template
from sandbox import injected
from sandbox.cells import opened
from sandbox.injected import (
    CONTROLLING,
    ERRORS,
    FAILS,
    FILTERED,
    INIT,
    LIES,
    NOTHING_LOST,
    PROGRAM,
    SPAWNER,
    SPEAKING,
    Call,
    Injector,
    assert_named,
    counted,
    injecting,
    not_here,
)

CLONE = "syscall 435"
CANNOT_FAIL = {
    "_GLOBAL_OFFSET_TABLE_", "__errno_location", "__isoc99_sscanf", "_exit", "_r_debug", "_setjmp",
    "clock_gettime", "dl_iterate_phdr", "dlsym", "dprintf", "environ", "free", "fwrite", "getpagesize",
    "longjmp", "memchr", "memcmp", "memcpy", "memset", "perror", "setfsgid", "setfsuid", "sigaddset",
    "sigemptyset", "signal", "snprintf", "stderr", "strchr", "strcmp", "strerror", "strlen", "strncmp",
    "strncpy", "strrchr", "strtol", "strtoull", "sysconf", "umask",
}  # fmt: skip
"""What libc gives without asking the kernel, or what has no way to fail that the helper could see."""


@pytest.fixture(scope="module")
def helper(tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("injected")
    return injected.build("injected", directory)


@pytest.fixture(scope="module")
def injector(helper) -> Iterator[Injector]:
    with injecting(helper) as injector:
        yield injector


@pytest.fixture(scope="module")
def cells(injector, time_scale):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(roots, "HELPER", injector.helper)
        with opened(time_scale) as made:
            assert made.host.problems == ()
            yield made


@pytest.fixture(scope="module")
def set_up(cells, injector) -> list[tuple[Call, str]]:
    """Every call of a cell's set-up that can matter, failed once, and how that ended."""
    return [(call, step_of(cells, injector, call)) for call in setup_calls(cells, injector, each=False)]


@pytest.fixture(scope="module")
def building(cells, helper, injector) -> list[tuple[Call, str]]:
    """Every kind of call while a root is built, failed once, and how that ended."""
    calls = injected.new_pairs(template_calls(cells, helper, injector))
    return [(call, end_of_start(cells, helper, injector, call)) for call in calls]


@pytest.fixture(scope="module")
def unknown_message(cells) -> SandboxError:
    async def ask() -> None:
        async with cells.host._roots.use("host") as spawner:
            await spawner._ask(9, 0, [])

    with pytest.raises(SandboxError) as refused:
        cells.call(ask())
    return refused.value


@pytest.fixture(scope="module")
def no_zygote(cells, injector) -> SandboxError:
    async def ask() -> None:
        async with cells.host._roots.use("host") as spawner:
            with injector.going_wrong(Call(0, SPAWNER, 1, CLONE)):
                await spawner.start_zygote(b"", 2, cells.host._roots.filters)

    with pytest.raises(SandboxError) as refused:
        cells.call(ask())
    return refused.value


def run_all(cells):
    """Take every turn of set-up: files, a compiler's cell with /out, then its program's with loopback."""
    return cells.run_commands(
        ["/out/program"],
        compiler=["/bin/cp", "/bin/true", "/out/program"],
        files=(SourceFile("main", b"x" * 5000), SourceFile("below/it", b"")),
        loopback=True,
    )


def ending(cells, call: Call) -> str:
    """Run, and return the step that was named, ``lost``, or ``well``."""
    try:
        outcome = run_all(cells)
    except CellLostError:
        return "lost"
    if outcome.verdict is Verdict.AC:
        return "well"
    if call.name == "execve" and call.cell == 1:  # only the compiler wrote it, so this is the submission's
        assert outcome.verdict is Verdict.RE, str(call)
        return "exec"
    assert outcome.verdict is Verdict.IE, (str(call), outcome.verdict, outcome.stderr)
    step = re.match(r"cell step ([a-z_]+) failed", outcome.error_message)
    assert step, (str(call), outcome.error_message)
    return step[1]


def setup_calls(cells, injector, *, each: bool) -> list[Call]:
    """Return what set-up calls, from the spawner's clone to each exec, and init's up to the gate's opening.

    Without ``each``, of the second cell only what the first does not do, and nothing that cannot matter.
    """
    run_all(cells)  # the root is there from here on
    with injector.going_wrong(None):
        assert run_all(cells).verdict is Verdict.AC
        spawning = injector.calls(0, SPAWNER)
        made = {(cell, role): injector.calls(cell, role) for cell in range(2) for role in (INIT, PROGRAM)}
    chosen = spawning[:1] if not each else spawning[: [call.name for call in spawning].index("recvmsg") + 1]
    for (cell, role), calls in made.items():
        names = [call.name for call in calls]
        end = names.index("sendmsg", names.index(FILTERED)) if role == INIT else names.index("execve")
        before = {call.name for call in made[0, role]} | NOTHING_LOST if cell and not each else set()
        chosen += [call for call in injected.telling(calls[: end + 1]) if call.name not in before]
    return chosen


def step_of(cells, injector, call: Call, error: int = errno.EPERM, mode: int = FAILS) -> str:
    """Let the call go wrong and return how that ended; nothing may be left, and the next run works."""
    before = counted()
    with injector.going_wrong(call, error, mode):
        end = ending(cells, call)
        assert injector.hits >= 1, str(call)  # a spawner that ended is started again, and fails again
    assert cells.run_argv("/bin/true").verdict is Verdict.AC, str(call)
    cells.assert_nothing_is_left()
    assert counted() == before, str(call)
    return end


def test_every_failing_call_of_set_up_is_named_and_leaves_nothing(set_up):
    for call, end in set_up:
        assert_named(call, end)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("error", ERRORS, ids=errno.errorcode.get)
def test_every_call_of_set_up_may_fail_with_every_error(cells, injector, error):
    """An error that a loop takes for its end is found by the look at the process."""
    for call in setup_calls(cells, injector, each=True):
        end = step_of(cells, injector, call, error)
        if end != "controls":
            assert_named(call, end, error)


def test_what_was_said_to_be_done_and_was_not_is_found_by_the_look_at_the_process(cells, injector):
    calls = [call for call in setup_calls(cells, injector, each=False) if call.role == PROGRAM]
    controlling = [call for call in calls if call.name in CONTROLLING]
    assert {call.name for call in controlling} == CONTROLLING - not_here(cells)
    for call in controlling:
        assert step_of(cells, injector, call, mode=LIES) == "controls", str(call)


# ---- the spawner ----


async def start_spawner(cells, helper: Path) -> None:
    features = cells.host._features
    template = build_template(
        Root(),
        [70_001],
        "cell",
        b"",
        makes_nodes=features.makes_nodes,
        shows_proc=features.in_user_namespace,
    )
    filters = build_filters(notify=features.seccomp_notify)
    spawner = await Spawner.start(helper, template, filters, features.clone_flags)
    spawner.close()


def template_calls(cells, helper, injector) -> list[Call]:
    with injector.going_wrong(None):
        cells.call(start_spawner(cells, helper))
        calls = injector.calls(0, SPAWNER)
    messages = [index for index, call in enumerate(calls) if call.name in {"recvmsg", "sendmsg"}]
    first_heard, _, _, last_answered = messages[:4]  # filters, then the template
    return [call for call in calls[first_heard:last_answered] if call.name not in SPEAKING]


def end_of_start(cells, helper, injector, call: Call, error: int = errno.EPERM) -> str:
    """Let the call go wrong and return the step that was named, or ``well``; the next start works."""
    before = counted()
    with injector.going_wrong(call, error):
        try:
            cells.call(start_spawner(cells, helper))
        except SandboxError as failure:
            end = failure.step
        else:
            end = "well"
        assert injector.hits == 1, str(call)
    assert counted() == before, str(call)
    return end


def test_every_kind_of_failing_call_while_the_root_is_built_is_named(cells, helper, building):
    assert len(building) > 20
    for call, end in building:
        assert end in injected.steps() or (end == "well" and call.name in NOTHING_LOST), (str(call), end)
    cells.call(start_spawner(cells, helper))


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("error", ERRORS, ids=errno.errorcode.get)
def test_every_call_while_the_root_is_built_may_fail_with_every_error(cells, helper, injector, error):
    for call in template_calls(cells, helper, injector):
        end = end_of_start(cells, helper, injector, call, error)
        there_already = error == errno.EEXIST and call.name == "mkdir"
        well = end == "well" and (call.name in NOTHING_LOST or there_already)
        assert end in injected.steps() or well, (str(call), end)
    cells.call(start_spawner(cells, helper))


def test_a_message_that_the_spawner_does_not_know_is_refused_by_name(cells, unknown_message):
    assert "unknown operation" in str(unknown_message)
    cells.assert_next_run_works()


# ---- nothing is left out ----


def test_every_step_that_steps_h_names_was_made_to_fail(cells, set_up, building, unknown_message, no_zygote):
    failed = {end for _, end in (*set_up, *building)} | {unknown_message.step, no_zygote.step}
    assert injected.steps() - failed - not_here(cells) == set()


APART = {
    "cellblock-cell": {"warm.c", "looks.c", "pages.c", "executable.c"},
    "cellblock-warm.so": {"main.c", "looks.c"},  # looks.c is the interpreter's way to libc, not ours
}
"""What is no part of each product, or makes no calls of its own."""


@pytest.mark.parametrize("product", APART)
def test_every_call_to_libc_can_be_made_to_fail_or_cannot_fail(tmp_path, product):
    sources = [path for path in injected.NATIVE.glob("*.c") if path.name not in APART[product]]
    command = ["gcc", "-D_GNU_SOURCE", "-std=gnu17", "-O1", "-fno-stack-protector", "-c", *map(str, sources)]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=120)
    objects = [path.name for path in tmp_path.glob("*.o")]

    def symbols(kind: str) -> set[str]:
        listed = subprocess.run(
            ["nm", kind, *objects], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        return {line.split()[-1] for line in listed.stdout.splitlines() if len(line.split()) > 1}

    needed = symbols("--undefined-only") - symbols("--defined-only")
    wrapped = set(
        re.findall(r"^WRAP\w*\([a-z_ *]+, ([a-z0-9_]+),", injected.SOURCE.read_text(), re.MULTILINE)
    )
    assert {"mount", "prctl", "open"} <= needed & wrapped
    assert needed - wrapped - {"syscall"} - CANNOT_FAIL == set()
