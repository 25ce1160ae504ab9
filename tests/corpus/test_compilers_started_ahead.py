"""A compiler that was started ahead says and leaves what one does that starts when its source is there."""

from __future__ import annotations

import time

import pytest

from cellblock.model import Outcome, SourceFile, StageLimits, Verdict, VerdictCause
from corpus.broken import broken
from corpus.built import Built, build, compile_shape, plan_of, started_ahead
from corpus.programs import Program, corpus, correct_cases
from corpus.ran import differences

STARTED_AHEAD = ("java", "rust", "csharp")
QUICK = {
    "values",
    "does_not_compile",
    "borrow_error",
    "types",
    "not_UTF-8",
    "another_file's_error",
    "warnings",
    "deprecated",
}
MIB = 1 << 20
HELLO = {
    "java": "public class Main { public static void main(String[] args) { System.out.println(4); } }\n",
    "rust": 'fn main() { println!("4"); }\n',
    "csharp": "class Program { static void Main() { System.Console.WriteLine(4); } }\n",
}


def is_compiled_warm(program):
    return "compile" in started_ahead(program)


def sources():
    """Return everything that these compilers are given, a share of it quick."""
    found = []
    for language in STARTED_AHEAD:
        known = [program for program in (*corpus(), *correct_cases()) if program.language == language]
        for program in filter(is_compiled_warm, (*known, *broken(language))):
            slow = [] if program.name in QUICK else [pytest.mark.slow]
            found.append(pytest.param(program, id=program.id, marks=slow))
    return found


def one_file(language: str, code: str) -> Program:
    return Program(language=language, name="one_file", files=(SourceFile("", code.encode()),))


def assert_same(cold: Built, warm: Built, mask: str) -> None:
    assert differences(cold.ran, warm.ran, names=("cold", "warm"), mask=mask) == []
    assert set(cold.left) == set(warm.left)
    assert [path for path in cold.left if cold.left[path] != warm.left[path]] == []


@pytest.mark.parametrize("program", sources())
def test_it_says_and_leaves_the_same(sides, warm_sides, program):
    cold, warm = build(sides, program, warm=False), build(warm_sides, program, warm=True)
    assert (cold.evidence.warm_start, warm.evidence.warm_start) == (False, True)
    assert_same(cold, warm, program.mask)
    assert warm.evidence.controls_missing == ()
    assert warm.evidence.controls_applied == cold.evidence.controls_applied


@pytest.mark.slow
@pytest.mark.parametrize("language", STARTED_AHEAD)
def test_broken_sources_are_broken_and_the_others_are_not(sides, language):
    """What is compared is not the same refusal of everything."""
    codes = [build(sides, program, warm=False).ran.exit_code for program in broken(language)]
    assert 0 in codes
    assert codes.count(0) < len(codes) / 2


# ---- how far it had got ----


@pytest.mark.parametrize(("language", "share"), [("java", 0.2), ("rust", 0.05), ("csharp", 0.04)])
def test_a_good_part_of_its_work_lies_behind_one_that_waits(sides, warm_sides, language, share):
    program = one_file(language, HELLO[language])
    cold = build(sides, program, warm=False)
    runtime = warm_sides.runtime(program)
    shape = compile_shape(warm_sides.engine, runtime, plan_of(runtime, program))

    async def used_ms() -> float:
        await warm_sides.cells.host.prepare_ahead(shape)
        prepared = warm_sides.cells.host._pool.take(shape)
        used_usec = prepared.cell.cpu_usage_usec()
        await prepared.close()
        return used_usec / 1000

    assert warm_sides.cells.call(used_ms()) > share * cold.evidence.cpu_ms


# ---- the limits ----


def nested(call: str, depth: int = 20) -> str:
    """Return so many of these calls, each in the one before: what doubles the work with each level."""
    return "".join(call.replace("@", str(level)) for level in range(depth)) + "null" + ")" * depth


ENDLESS = {
    "java": "import java.util.function.*;\npublic class Main { static <T> T f(Supplier<T> s) { return null; }"
    f" Object o = {nested('f(() -> true ? null : ')}; }}\n",
    "rust": "#![allow(long_running_const_eval)]\n"
    "const ENDLESS: u64 = { let mut n = 0; while n < u64::MAX { n += 1; } n };\n"
    'fn main() { println!("{ENDLESS}"); }\n',
    "csharp": "using System;\nclass Program { static int F(Func<int, object> f) { return 1; }"
    " static int F(Func<string, object> f) { return 1; }"
    f" static void Main() {{ object o = {nested('F(x@ => ')}; }} }}\n",
}


def compiled(
    sides, language: str, code: str, compiling: StageLimits, *, warm: bool, after_s: float = 0
) -> Outcome:
    program = one_file(language, code)
    runtime = sides.runtime(program)
    plan = plan_of(runtime, program, compiling)
    if warm:
        sides.cells.call(sides.cells.host.prepare_ahead(compile_shape(sides.engine, runtime, plan)))
    time.sleep(after_s)
    outcome = sides.cells.call(sides.engine.run_plan(runtime, plan))
    assert outcome.evidence.compile.warm_start == warm
    return outcome


@pytest.mark.parametrize("language", STARTED_AHEAD)
def test_its_cpu_limit_holds_from_the_hand_over_on(warm_sides, language, time_scale):
    asked = StageLimits(cpu_ms=round(1_000 * time_scale))
    outcome = compiled(warm_sides, language, ENDLESS[language], asked, warm=True)
    assert (outcome.verdict, outcome.evidence.verdict_cause) == (Verdict.TLE, VerdictCause.TLE_CPU_JUDGE)
    assert asked.cpu_ms <= outcome.evidence.compile.cpu_ms <= asked.cpu_ms + 500 * time_scale


@pytest.mark.parametrize("language", STARTED_AHEAD)
def test_its_wall_clock_runs_from_the_hand_over_on(warm_sides, language, time_scale):
    asked = StageLimits(wall_ms=round(3_000 * time_scale))
    waited = compiled(warm_sides, language, HELLO[language], asked, warm=True, after_s=3.1 * time_scale)
    assert waited.evidence.compile.exit_code == 0
    assert waited.evidence.compile.wall_ms < asked.wall_ms
    late = compiled(warm_sides, language, ENDLESS[language], asked, warm=True)
    assert (late.verdict, late.evidence.verdict_cause) == (Verdict.TLE, VerdictCause.TLE_WALL_JUDGE)


# Just above what the Java machine itself needs, it reads its own files again and again, and may get through.
MANY_METHODS = "".join(
    f"static java.util.List<String> m{n}(java.util.List<? extends Number> all) "
    f'{{ return all.stream().map(one -> "a{n}" + one).toList(); }}\n'
    for n in range(6000)
)
LARGE = {**HELLO, "java": HELLO["java"].replace("{ public", "{" + MANY_METHODS + "public", 1)}


@pytest.mark.parametrize(("language", "memory_mib"), [("java", 80), ("rust", 24), ("csharp", 16)])
def test_its_memory_limit_counts_the_compiler_itself(sides, warm_sides, language, memory_mib):
    asked = StageLimits(memory_bytes=memory_mib * MIB)
    for which, warm in ((sides, False), (warm_sides, True)):
        outcome = compiled(which, language, LARGE[language], asked, warm=warm)
        assert outcome.verdict is Verdict.MLE, (warm, outcome)
        assert outcome.evidence.cgroup.memory_limit_bytes == asked.memory_bytes


def test_evidence_says_of_what_ran_only_that_it_was_started_ahead(sides, warm_sides):
    program = one_file("rust", HELLO["rust"])
    runtime = warm_sides.runtime(program)
    shape = compile_shape(warm_sides.engine, runtime, plan_of(runtime, program))
    warm_sides.cells.call(warm_sides.cells.host.prepare_ahead(shape))
    warm, cold = warm_sides.outcome(program), sides.outcome(program)
    assert (warm.evidence.compile.warm_start, warm.evidence.warm_start) == (True, False)
    assert (cold.evidence.compile.warm_start, cold.evidence.warm_start) == (False, False)
