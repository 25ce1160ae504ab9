"""Compiled once, run often: a hit answers what a compilation would, and nobody can make it answer else."""

from __future__ import annotations

import asyncio
import gc
import textwrap
import time
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from cellblock import config
from cellblock.engine import compile_cache
from cellblock.engine.availability import Finding
from cellblock.engine.compile_cache import CompileCache
from cellblock.engine.installation import Installation
from cellblock.engine.run import Engine
from cellblock.languages.catalog_file import parse_runtime_file
from cellblock.languages.registry import Registry, load_catalog, make_runtime
from cellblock.model import CompileCacheUse, Job, Profile, SourceFile, StageLimits, Verdict
from cellblock.sandbox.artifact import mount_copy
from cellblock.sandbox.cell import Cell
from cellblock.sandbox.host import Host
from languages.cases import all_cases
from languages.test_artifacts import SHELL_AS_COMPILER
from sandbox.cells import MIB, own_uid_range, until

HIT, MISS, BYPASS = CompileCacheUse.HIT, CompileCacheUse.MISS, CompileCacheUse.BYPASS
SHELL = (
    SHELL_AS_COMPILER.replace('root = "host"', 'root = "tree"\nversion = "1.0.0"')
    .replace("file_size_bytes = 1_048_576", "file_size_bytes = 268_435_456")
    .replace("work_area_inodes = 1_024", "work_area_inodes = 4_096")
)
COMPILED = ("c", "cpp", "go", "rust", "java", "csharp", "typescript")
COMPARED = ("uncaught", "several_files")


class Engines:
    """An engine with every runtime of the catalog, and one whose compiler is a shell."""

    def __init__(self):
        self._loop = asyncio.Runner()
        self.call(self._open())

    async def _open(self):
        settings = config.load(
            {"uid_range": own_uid_range(), "pool_cells_max": "0"}, {"CELLBLOCK_NODE_ID": "node-under-test"}
        )
        shell = make_runtime(parse_runtime_file("shell.toml", SHELL), SHELL, settings.output_max_bytes, {})
        registry = Registry([*load_catalog(settings.output_max_bytes, {}).runtimes, shell])
        self.installation = Installation(settings.toolchain_dir)
        self.host = await Host.open(settings, self.installation.reload())
        self.engine = Engine(settings, self.host, registry, self.installation)
        for runtime in registry.runtimes:
            self.engine.availability.note(runtime.id, Finding("1.0.0", ""))

    def call(self, coroutine):
        return self._loop.run(coroutine)

    def empty(self):
        """Have a new cache."""

        async def exchange():
            await self.engine.compile_cache.close()
            self.engine.compile_cache = CompileCache(256 * MIB, self.installation)

        self.call(exchange())

    def close(self):
        self.call(self.engine.compile_cache.close())
        self.call(self.host.close())
        self.installation.close()
        self._loop.close()

    def run(self, language, *files, **more):
        job = Job(id="test", language=language, files=files, **more)
        return self.call(self._run(job))

    def shell(self, script, **more):
        return self.run("shell-compiled", SourceFile("", textwrap.dedent(script).encode()), **more)

    async def _run(self, job):
        outcome = await self.engine.run(job)
        await self.engine.compile_cache.settled()
        return outcome


@pytest.fixture(scope="module")
def _engines():
    engines = Engines()
    yield engines
    engines.close()


@pytest.fixture
def engines(_engines):
    _engines.empty()
    return _engines


def use(outcome):
    return outcome.evidence.compile.cache


def makes(program):
    """Return a script for the shell that compiles: it leaves ``program``, a shell script."""
    return f"cat > /out/main <<'END'\n#!/bin/sh\n{textwrap.dedent(program)}\nEND\nchmod 755 /out/main\n"


def answered(outcome):
    """What of an outcome is the program's doing; its figures are measured anew each time."""
    evidence = outcome.evidence
    return {
        "verdict": outcome.verdict,
        "exit_code": outcome.exit_code,
        "signal": outcome.signal,
        "stdout": outcome.stdout,
        "stderr": outcome.stderr,
        "integrity": outcome.output_integrity,
        "error": outcome.error_message,
        "cause": evidence.verdict_cause,
        "controls": evidence.controls_applied,
        "limits": evidence.limits,
        "compile stage": outcome.stages[:1],
        "compile evidence": msgspec.structs.replace(evidence.compile, cache=MISS),
    }


@pytest.mark.parametrize("language", COMPILED)
def test_hits_answer_what_a_compilation_answered(engines, language):
    cases = [case for case in all_cases() if case.language == language and case.name in COMPARED]
    assert {case.name for case in cases} == set(COMPARED)
    for case in cases:
        given = {"stdin": case.stdin, "args": case.args, "profile": Profile.EXECUTOR}
        cold = engines.run(language, *case.files, **given)
        hit = engines.run(language, *case.files, **given)
        assert (use(cold), use(hit)) == (MISS, HIT), case.name
        assert answered(hit) == answered(cold), case.name
        if case.expected.stdout is not None:
            assert hit.stdout == case.expected.stdout


def test_warnings_are_told_again(engines):
    program = SourceFile("", b"int main(void) { int x = 3.5e40; return 0; }\n")
    cold, hit = engines.run("c", program), engines.run("c", program)
    assert (use(cold), use(hit)) == (MISS, HIT)
    assert b"warning" in cold.stages[0].stderr
    assert hit.stages[0] == cold.stages[0]


def test_one_program_serves_every_input(engines):
    program = SourceFile(
        "", b"#include <stdio.h>\nint main(void) { int c; while ((c = getchar()) > 0) putchar(c); }\n"
    )
    for number, text in enumerate((b"one", b"two", b"three")):
        outcome = engines.run("c", program, stdin=text)
        assert (outcome.stdout, use(outcome)) == (text, HIT if number else MISS)


def test_a_program_cannot_change_what_the_next_one_gets(engines):
    tampers = makes(
        """
        for deed in 'echo x > /out/main' 'echo x >> /out/main' 'chmod 777 /out/main' 'rm -f /out/main' \\
            'mv /out/main /out/other' 'touch /out/main' 'mkdir /out/d' 'ln /out/main /out/link' \\
            'ln -s / /out/link' 'chown 1 /out/main' 'truncate -s 0 /out/main' \\
            'cp /bin/true /out/main' 'cp --remove-destination /bin/true /out/main' \\
            'echo x > /proc/self/root/out/main' 'echo x > /proc/$$/fd/255'
        do
            (eval "$deed") 2> /dev/null && echo "done: $deed"
        done
        ls -A /out; cksum < /out/main; stat -c %a /out/main
        """
    )
    first, *later = [engines.shell(tampers) for _ in range(4)]
    assert [use(outcome) for outcome in (first, *later)] == [MISS, HIT, HIT, HIT]
    assert first.verdict is Verdict.AC
    assert b"done" not in first.stdout
    assert {outcome.stdout for outcome in later} == {first.stdout}


def test_a_program_that_mounts_its_artifact_anew_is_ended_and_the_next_one_runs_as_before(engines):
    program = makes('echo begun; [ "$1" = mount ] && mount -o remount,rw /out; echo well')
    cold = engines.shell(program)
    ended = engines.shell(program, args=("mount",))
    after = engines.shell(program)
    assert (ended.verdict, use(ended)) == (Verdict.SIG, HIT)
    assert ended.evidence.seccomp.syscall in {"mount", "open_tree"}
    assert (after.stdout, use(after)) == (cold.stdout, HIT) == (b"begun\nwell\n", HIT)


def test_what_is_kept_belongs_to_no_program(engines):
    program = makes("stat -c %u /out /out/main; id -u")
    engines.shell(program)
    hit = engines.shell(program)
    *owners, own = map(int, hit.stdout.split())
    assert use(hit) is HIT
    assert owners == [0, 0]
    assert own != 0


def test_what_runs_at_the_same_time_shares_no_lock(engines):
    program = makes("flock -n 9 || exit 7; echo mine; sleep 0.4").replace(
        "#!/bin/sh", "#!/bin/sh\nexec 9< /out/main"
    )
    engines.shell(program)
    job = Job(id="test", language="shell-compiled", files=(SourceFile("", program.encode()),))

    async def both():
        return await asyncio.gather(engines.engine.run(job), engines.engine.run(job))

    outcomes = engines.call(both())
    assert [(outcome.stdout, use(outcome)) for outcome in outcomes] == [(b"mine\n", HIT)] * 2


@pytest.mark.parametrize(
    "besides",
    [
        "ln -s main /out/link",
        "ln -s /etc/shadow /out/link",
        "ln /out/main /out/link",
        "mkfifo /out/pipe",
        "truncate -s 200M /out/sparse",
        "for n in $(seq 1100); do : > /out/$n; done",
        "chmod 4755 /out/main",
        "chmod 1777 /out",
    ],
)
def test_what_no_compiler_leaves_is_run_and_not_kept(engines, besides):
    script = f"{makes('echo well')}{besides}\n"
    outcomes = [engines.shell(script) for _ in range(2)]
    assert [(outcome.stdout, use(outcome)) for outcome in outcomes] == [(b"well\n", MISS)] * 2, outcomes
    assert engines.engine.compile_cache.size_bytes == 0


def test_another_keys_program_is_compiled_anew(engines):
    program = makes("echo well")
    uses = [use(engines.shell(program, tenant=tenant)) for tenant in ("a", "b", "", "a", "b", "")]
    assert uses == [MISS, MISS, MISS, HIT, HIT, HIT]


def test_other_limits_and_other_names_are_compiled_anew(engines):
    program = SourceFile("", makes("echo well").encode())
    named = SourceFile("other.sh", program.content)
    assert use(engines.run("shell-compiled", program)) is MISS
    assert use(engines.run("shell-compiled", program, profile=Profile.EXECUTOR)) is HIT
    assert use(engines.run("shell-compiled", program, compile=StageLimits(wall_ms=3000))) is MISS
    assert use(engines.run("shell-compiled", program, compile=StageLimits(memory_bytes=64 * MIB))) is MISS
    assert use(engines.run("shell-compiled", named)) is MISS
    assert use(engines.run("shell-compiled", program, SourceFile("beside", b""))) is MISS
    assert use(engines.run("shell-compiled", program, run=StageLimits(wall_ms=3000))) is HIT


def test_what_differs_with_each_compilation_is_that_of_the_first(engines):
    program = "date +%s%N > /out/stamp\n" + makes("cat /out/stamp")
    stamps = [engines.shell(program).stdout for _ in range(3)]
    assert len(set(stamps)) == 1
    assert stamps[0].strip().isdigit()


@pytest.mark.parametrize(
    "script", ["echo wrong >&2; exit 1", "true", "echo garbage > /out/main; chmod +x /out/main"]
)
def test_what_does_not_compile_to_a_program_is_compiled_each_time(engines, script):
    first, second = engines.shell(script), engines.shell(script)
    assert (use(first), use(second)) == (MISS, MISS)
    assert first.verdict is second.verdict is Verdict.RE
    assert first.stderr == second.stderr
    assert engines.engine.compile_cache.size_bytes == 0


@pytest.mark.parametrize(
    ("program", "verdict"),
    [("exit 3", Verdict.RE), ("kill -SEGV $$", Verdict.SIG), ("while true; do :; done", Verdict.TLE)],
)
def test_a_program_is_kept_however_it_ends(engines, program, verdict):
    limits = StageLimits(cpu_ms=100)
    outcomes = [engines.shell(makes(program), run=limits) for _ in range(2)]
    assert [outcome.verdict for outcome in outcomes] == [verdict] * 2
    assert [use(outcome) for outcome in outcomes] == [MISS, HIT]


def test_a_hit_that_cannot_be_executed_is_compiled_instead(engines, monkeypatch):
    program = makes("echo well")
    engines.shell(program)

    async def without_files(artifact):
        return await mount_copy(msgspec.structs.replace(artifact, entries=artifact.entries[:1]))

    monkeypatch.setattr(compile_cache, "mount_copy", without_files)
    outcome = engines.shell(program)
    assert (outcome.stdout, use(outcome)) == (b"well\n", BYPASS)


def test_self_tests_and_the_hosts_own_compilers_never_ask_the_cache(engines):
    runtime = engines.engine._registry.by_id("shell-compiled")
    plan = runtime.plan(
        (SourceFile("", makes("echo well").encode()),),
        (),
        Profile.JUDGE,
        run=StageLimits(),
        compile=StageLimits(),
    )
    of_the_host = msgspec.structs.replace(runtime, file=msgspec.structs.replace(runtime.file, root="host"))
    for tenant, asked in ((None, runtime), ("a", of_the_host)):
        outcomes = [engines.call(engines.engine.run_plan(asked, plan, tenant=tenant)) for _ in range(2)]
        assert [(outcome.stdout, use(outcome)) for outcome in outcomes] == [(b"well\n", BYPASS)] * 2


def test_an_answer_does_not_wait_for_what_is_kept(engines):
    program = "head -c 20000000 /dev/urandom > /out/data\n" + makes("echo well")
    job = Job(id="test", language="shell-compiled", files=(SourceFile("", program.encode()),))

    async def answered_before_kept():
        await engines.engine.run(job)
        before = engines.engine.compile_cache.size_bytes
        await engines.engine.compile_cache.settled()
        return before, engines.engine.compile_cache.size_bytes

    before, after = engines.call(answered_before_kept())
    assert (before, after > 20_000_000) == (0, True)


def traces(engines):
    """Count what a run and a kept artifact are made of."""
    gc.collect()
    trees = [path for path in engines.host._tree.paths if path.exists()]
    return {
        "groups": sum(path.is_dir() for tree in trees for path in tree.iterdir()),
        "mounts": len(Path("/proc/self/mountinfo").read_text().splitlines()),
        "descriptors": Counter(
            str(link.readlink()).split(":")[0]
            for link in Path("/proc/self/fd").iterdir()
            if link.is_symlink()
        ),
        "free uids": len(engines.host._block._free),
    }


def test_fifty_runs_hits_and_misses_leave_nothing_but_the_entries(engines):
    programs = [makes(f"echo {number}") for number in range(10)]
    engines.shell(programs[0])
    before = traces(engines)
    uses = Counter(use(engines.shell(programs[number % 10])) for number in range(50))
    assert uses == {MISS: 9, HIT: 41}
    until(lambda: traces(engines) == before, 3)
    size_bytes = engines.engine.compile_cache.size_bytes
    for program in programs:
        engines.shell(program)
    assert engines.engine.compile_cache.size_bytes == size_bytes


def test_a_compilation_that_is_cancelled_while_its_cell_is_removed_leaves_no_mount(engines, monkeypatch):
    engines.shell(makes("echo well"))
    before = traces(engines)
    job = Job(id="test", language="shell-compiled", files=(SourceFile("", makes("echo other").encode()),))
    close = Cell.close

    async def cancelled():
        closed = asyncio.Event()

        async def slowly(cell):
            await close(cell)
            closed.set()
            await asyncio.sleep(0.01)

        monkeypatch.setattr(Cell, "close", slowly)
        task = asyncio.ensure_future(engines.engine.run(job))
        await closed.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()
        await asyncio.sleep(0.1)  # the removal goes on without who asked for it

    engines.call(cancelled())
    until(lambda: traces(engines) == before, 3)


def test_a_run_that_is_cancelled_leaves_the_cache_as_it_was(engines):
    program = makes("sleep 5")
    job = Job(id="test", language="shell-compiled", files=(SourceFile("", program.encode()),))

    async def cancelled():
        task = asyncio.ensure_future(engines.engine.run(job))
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await engines.engine.compile_cache.settled()

    started_s = time.monotonic()
    engines.call(cancelled())
    assert time.monotonic() - started_s < 5
    assert engines.engine.compile_cache.size_bytes == 0
