"""A correct program does not notice that it is in a cell: same bytes, same end."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest

from cellblock.model import Verdict
from corpus import bare
from corpus.built import started_ahead
from corpus.programs import corpus, correct_cases
from corpus.ran import Ran, differences
from languages.cases import LANGUAGES

BARE_AND_CELL = ("bare", "in the cell")
SLOW_TO_COMPILE = {"typescript", "cpp", "go", "rust", "java", "csharp"}
QUICK_OF_THOSE = 2
STARTED_WARM = {"python", "ruby", "javascript", "typescript", "java", "csharp"}
QUICK_CASES = 3
"""Of the language tests' own programs, how many of each language are quick."""


def identify(program):
    return program.id


def with_slow_ones_marked(programs, quick=None):
    """Mark all but the first of each language that takes long to compile, or all but ``quick`` of any."""
    counts, marked = Counter(), []
    for program in programs:
        counts[program.language] += 1
        slow_language = program.language in SLOW_TO_COMPILE
        most = min(quick or len(programs), QUICK_OF_THOSE if slow_language else len(programs))
        slow = counts[program.language] > most
        marked.append(pytest.param(program, id=program.id, marks=[pytest.mark.slow] if slow else []))
    return marked


def started_warm(programs):
    """Return those whose runtime may start ahead of them, without arguments: with such it never does."""
    alone = [msgspec.structs.replace(program, args=()) for program in programs if program.starts]
    found = [program for program in alone if "run" in started_ahead(program)]
    return sorted(found, key=lambda program: program.name != "surroundings")


def assert_same(sides, program):
    alone = sides.run_bare(program)
    assert (alone.exit_code, alone.signal) == (program.exit_code, program.signal), alone
    assert program.says in alone.stdout + alone.stderr, alone
    cell = sides.run_in_cell(program)
    assert differences(alone, cell, names=BARE_AND_CELL, mask=program.mask) == []


def assert_same_warm(sides, program):
    alone, warm = sides.run_bare(program), sides.run_warm(program)
    assert differences(alone, warm, names=("bare", "warm"), mask=program.mask) == []


@pytest.mark.parametrize("program", with_slow_ones_marked(corpus()))
def test_it_is_the_same_bare_and_in_a_cell(sides, program):
    assert_same(sides, program)


@pytest.mark.parametrize("program", with_slow_ones_marked(started_warm(corpus())))
def test_it_is_the_same_bare_and_warm(warm_sides, program):
    assert_same_warm(warm_sides, program)


@pytest.mark.parametrize("program", with_slow_ones_marked(started_warm(correct_cases()), QUICK_CASES))
def test_the_languages_own_cases_are_the_same_bare_and_warm(warm_sides, program):
    assert_same_warm(warm_sides, program)


def test_what_a_runtime_that_waits_could_show_is_compared_first_and_in_every_language_of_such():
    programs = started_warm(corpus())
    assert {program.language for program in programs} == STARTED_WARM
    assert {program.language for program in started_warm(correct_cases())} == STARTED_WARM
    assert {program.language for program in programs if program.name == "surroundings"} == STARTED_WARM
    assert len(programs) + len([one for one in corpus() if not one.starts]) >= len(
        [one for one in corpus() if one.language in STARTED_WARM]
    )


@pytest.mark.parametrize(
    "program", with_slow_ones_marked([one for one in started_warm(corpus()) if one.language == "csharp"])
)
def test_mono_runs_the_same_where_nobody_states_its_version(sides, program):
    """The option spares it an early look into the program, and nothing else comes of it."""
    stated = sides.runtime(program)
    argv = [part for part in stated.file.run.argv if not part.startswith("--runtime=")]
    assert len(argv) < len(stated.file.run.argv)
    run = msgspec.structs.replace(stated.file.run, argv=argv)
    plain = msgspec.structs.replace(stated, file=msgspec.structs.replace(stated.file, run=run))
    ran = [bare.run_bare(program, runtime, sides.root) for runtime in (plain, stated)]
    assert differences(*ran, names=("plain", "stated"), mask=program.mask) == []


@pytest.mark.slow
@pytest.mark.parametrize("program", correct_cases(), ids=identify)
def test_the_languages_own_cases_are_the_same_bare_and_in_a_cell(sides, program):
    assert_same(sides, program)


def test_every_language_has_its_share():
    counts = Counter(program.language for program in corpus())
    assert set(counts) == set(LANGUAGES)
    assert min(counts.values()) >= 5
    assert counts.total() >= 60


def test_a_byte_that_differs_is_named():
    one = Ran(exit_code=0, signal=None, stdout=b"one\ntwo\nthree", stderr=b"")
    other = Ran(exit_code=None, signal=9, stdout=b"one\ntwX\nthree", stderr=b"x")
    found = differences(one, other, names=("cold", "warm"))
    assert found[:2] == ["exit_code: cold 0, warm None", "signal: cold None, warm 9"]
    assert "stdout: differ from byte 6 (line 2) on, of 13 and 13; cold …b'one\\ntwo" in found[2]
    assert "stderr: differ from byte 0 (line 1) on, of 0 and 1" in found[3]


def test_a_verdict_that_differs_is_named_where_both_have_one():
    one = Ran(exit_code=0, signal=None, stdout=b"", stderr=b"", verdict=Verdict.AC)
    other = msgspec.structs.replace(one, verdict=Verdict.RE)
    assert differences(one, other, names=("cold", "warm")) == ["verdict: cold AC, warm RE"]
    assert differences(one, msgspec.structs.replace(one, verdict=None), names=("cold", "warm")) == []


def test_what_a_mask_matches_does_not_differ_and_the_rest_does():
    one = Ran(exit_code=0, signal=None, stdout=b"at <aa> 1", stderr=b"")
    assert (
        differences(
            one,
            Ran(exit_code=0, signal=None, stdout=b"at <bbb> 1", stderr=b""),
            names=BARE_AND_CELL,
            mask="<.*>",
        )
        == []
    )
    assert differences(
        one, Ran(exit_code=0, signal=None, stdout=b"at 1", stderr=b""), names=BARE_AND_CELL, mask="<.*>"
    )
    assert differences(
        one, Ran(exit_code=0, signal=None, stdout=b"at <bbb> 2", stderr=b""), names=BARE_AND_CELL, mask="<.*>"
    )
