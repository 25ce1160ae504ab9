"""Class B without a cell's limits: bombs go on until they are stopped, and ordinary programs do not."""

from __future__ import annotations

import re
import signal

import pytest

from cellblock.attacks.manifest import COMPILER_LIMIT, trials
from cellblock.attacks.names import PLAIN
from cellblock.model import SourceFile
from escapes.bare_compilers import MAIN
from escapes.seen import sees
from pace import TIME_SCALE

CPU_S = round(2 * TIME_SCALE)
MEMORY_KB = 4 << 20
SAID = re.compile("[Kk]illed|CPU time limit exceeded|out of memory|memory allocation of")
"""What is heard of a compiler that had used up its time or memory, by whoever started it."""


def of_many(name: str) -> bool:
    """Say whether it is one of those that stand for the others in the short run."""
    return any(f"B/{each}/" in name for each in ("macro-bomb", "template-bomb", "small-bomb"))


BOMBS = {
    each.source: each.name
    for each in trials(classes="B")
    if each.proof == COMPILER_LIMIT or each.attack.name == "include-itself"
}
"""Each once: two languages may have one payload. One has the compiler speak as it goes on."""


def compiled(language, code, beside, limits):
    """Compile as the catalog does, under limits of a shell."""
    within = ("/bin/bash", "-c", f'{limits}; exec "$@"', "bash")
    source = SourceFile(MAIN[language], code.encode())
    return beside.compile(language, source, argv=lambda argv: (*within, *argv))


def limits_of(language):
    # A runtime has more addresses than memory.
    has_runtime = language in {"go", "java", "csharp", "typescript"}
    return f"ulimit -t {CPU_S}" + ("" if has_runtime else f"; ulimit -v {MEMORY_KB}")


@sees(*BOMBS.values())
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if of_many(name) else pytest.mark.slow) for name in BOMBS.values()]
)
def test_without_a_limit_a_bomb_goes_on(name, beside):
    language = name.rpartition("/")[2]
    ran = compiled(language, beside.code(name), beside, limits_of(language))
    assert ran.exit_code != 0
    assert ran.signal in {signal.SIGKILL, signal.SIGXCPU} or SAID.search(ran.stderr.decode()), ran


HEAP = "-Xmx1024m"
"""What the catalog gives Java's compiler, whose own limit it is only because of that."""


@sees("B/constant-bomb")
@pytest.mark.slow
def test_without_the_limit_of_its_heap_a_compiler_goes_on_with_constants(beside):
    within = ("/bin/bash", "-c", f'{limits_of("java")}; exec "$@"', "bash")
    source = SourceFile(MAIN["java"], beside.code("B/constant-bomb/java").encode())

    def unlimited(argv):
        assert HEAP in argv
        return (*within, *(each.replace(HEAP, "-Xmx8g") for each in argv))

    ran = beside.compile("java", source, argv=unlimited)
    assert ran.signal in {signal.SIGKILL, signal.SIGXCPU} or SAID.search(ran.stderr.decode()), ran
    assert b"OutOfMemoryError" not in ran.stdout + ran.stderr


@pytest.mark.parametrize("language", PLAIN)
def test_an_ordinary_program_ends_within_what_bombs_are_given(language, beside):
    ran = compiled(language, PLAIN[language], beside, limits_of(language))
    assert ran.exit_code == 0, ran


@sees("B/huge-binary")
@pytest.mark.parametrize("language", ["c", "cpp"])
def test_a_huge_binary_is_written_as_far_as_files_may_grow(language, beside):
    code = beside.code(f"B/huge-binary/{language}")
    ran = compiled(language, code, beside, "ulimit -f 32768")
    assert b"File size limit exceeded" in ran.stderr, ran
