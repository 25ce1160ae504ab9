"""What the compile cache finds, what it keeps, and what it lets go of first."""

from __future__ import annotations

import asyncio
import itertools
import os
from pathlib import Path

import msgspec
import pytest

from cellblock.engine.compile_cache import CompileCache
from cellblock.engine.outcome import Compiled
from cellblock.languages.registry import Plan, load_catalog
from cellblock.model import (
    CompileCacheUse,
    CompileEvidence,
    Profile,
    SourceFile,
    StageLimits,
    StageReport,
    Verdict,
)
from cellblock.sandbox.template import HOST_ROOT

KIB, MIB = 1 << 10, 1 << 20
CATALOG = load_catalog(MIB, {})
(C,) = CATALOG.of_language("c")
(CPP,) = CATALOG.of_language("cpp")
PROGRAM = (SourceFile("main.c", b"int main(void) { return 0; }"),)


class Toolchains:
    """An installation whose toolchains can be exchanged."""

    def __init__(self):
        self.installed = "14.2"

    def toolchain(self, runtime):
        return None if runtime.file.root == HOST_ROOT else self.installed


def compiled(stdout=b"a warning\n", output_order=((1, 10),)):
    return Compiled(
        report=StageReport(
            stdout=stdout,
            stderr=b"",
            output_order=output_order,
            exit_code=0,
            signal=None,
            killed_for=None,
            verdict=Verdict.AC,
            truncated=False,
            wall_time_ns=50_000_000,
            cpu_usage_usec=40_000,
            memory_peak_bytes=30_000_000,
        ),
        evidence=CompileEvidence(
            exit_code=0,
            signal=None,
            wall_ms=50,
            cpu_ms=40,
            memory_peak_bytes=30_000_000,
            controls_applied=("pid_namespace",),
            controls_missing=(),
            cache=CompileCacheUse.MISS,
        ),
    )


def plan_of(files=PROGRAM, runtime=C, profile=Profile.JUDGE, **compiling):
    return runtime.plan(files, (), profile, run=StageLimits(), compile=StageLimits(**compiling))


def changed(plan: Plan, **changes: object) -> Plan:
    return msgspec.structs.replace(plan, compile=msgspec.structs.replace(plan.compile, **changes))


def keys_of(*plans, cache=None, tenant="k1", runtime=C):
    cache = cache or CompileCache(MIB, Toolchains())
    return [cache.key(runtime, plan, tenant).digest for plan in plans]


def test_equal_programs_have_one_key_whatever_they_are_given():
    first = plan_of()
    other_input = C.plan(
        PROGRAM, ("args",), Profile.EXECUTOR, run=StageLimits(wall_ms=5), compile=StageLimits()
    )
    assert len(set(keys_of(first, plan_of(), other_input))) == 1


def test_every_difference_that_a_compiler_could_see_makes_another_key():
    plan = plan_of()
    environment = plan.compile.environment
    limits = plan.compile.limits
    different = [
        plan,
        plan_of((SourceFile("main.c", b"int main(void) { return 1; }"),)),
        plan_of((SourceFile("other.c", PROGRAM[0].content),)),
        plan_of(wall_ms=limits.wall_ms - 1),
        plan_of(memory_bytes=limits.memory_bytes - MIB),
        changed(plan, argv=(*plan.compile.argv, "-O0")),
        changed(plan, argv=(*plan.compile.argv, "-O", "0")),
        changed(plan, environment={**environment, "A": "b"}),
        changed(plan, environment={**environment, "A": "c"}),
        *(
            changed(plan, limits=msgspec.structs.replace(limits, **{name: getattr(limits, name) + 1}))
            for name in limits.__struct_fields__
        ),
    ]
    assert len(set(keys_of(*different))) == len(different)
    assert keys_of(plan, runtime=C) != keys_of(plan, runtime=CPP)


def test_files_count_by_name_content_and_order_and_cannot_be_joined_to_others():
    a, b = SourceFile("a.c", b"x"), SourceFile("b.c", b"y")
    plans = [
        msgspec.structs.replace(plan_of(), files=files)
        for files in (
            (a, b),
            (b, a),
            (a,),
            (a, b, a),
            (SourceFile("a.c", b"xb.cy"),),
            (SourceFile("a.c", b"xb.c"), SourceFile("", b"y")),
            (SourceFile("a.cx", b""), b),
            (SourceFile("a.", b"cx"), b),
            (SourceFile("a.c", b""), SourceFile("xb.c", b"y")),
            (SourceFile("a.c", b"x\0b.c\0y"),),
        )
    ]
    assert len(set(keys_of(*plans))) == len(plans)


def test_order_of_the_environment_does_not_matter():
    plan = plan_of()
    turned = dict(reversed(plan.compile.environment.items()))
    assert len(set(keys_of(plan, changed(plan, environment=turned)))) == 1


def test_tenants_share_nothing_unless_the_operator_says_so():
    plan = plan_of()
    apart = CompileCache(MIB, Toolchains())
    assert len({apart.key(C, plan, tenant).digest for tenant in ("", "k1", "k2")}) == 3
    together = CompileCache(MIB, Toolchains(), shared=True)
    assert len({together.key(C, plan, tenant).digest for tenant in ("", "k1", "k2")}) == 1


def test_another_toolchain_makes_another_key():
    toolchains = Toolchains()
    cache = CompileCache(MIB, toolchains)
    (before,) = keys_of(plan_of(), cache=cache)
    toolchains.installed = "14.3"
    assert keys_of(plan_of(), cache=cache) != [before]


def test_what_is_not_for_the_cache_has_no_key():
    plan = plan_of()
    assert CompileCache(0, Toolchains()).key(C, plan, "k1") is None
    cache = CompileCache(MIB, Toolchains())
    assert cache.key(C, plan, None) is None
    assert cache.key(C, msgspec.structs.replace(plan, compile=None), "k1") is None
    of_the_host = msgspec.structs.replace(C, file=msgspec.structs.replace(C.file, root=HOST_ROOT))
    assert cache.key(of_the_host, plan, "k1") is None


class Used:
    """A cache on a loop of its own, given artifacts from directories."""

    def __init__(self, directory, most_bytes=MIB):
        self.toolchains = Toolchains()
        self.told = []
        self._directory = directory
        self._most_bytes = most_bytes
        self._numbers = itertools.count()
        self._loop = asyncio.Runner()
        self.cache = self.call(self._made())
        self.cache.on_change = lambda: self.told.append(self.cache.size_bytes)

    def call(self, coroutine):
        return self._loop.run(coroutine)

    def close(self):
        self._loop.close()

    def key(self, name):
        return self.cache.key(C, plan_of((SourceFile("main.c", name.encode()),)), "k1")

    def keep(self, name, size=64 * KIB, told=None, key=None):
        self.call(self._keep(key or self.key(name), size, told or compiled()))

    def finds(self, *names):
        return [name for name in names if self.take(name) is not None]

    def take(self, name):
        hit = self.call(self.cache.take(self.key(name)))
        if hit is None:
            return None
        try:
            with os.fdopen(os.open("main", os.O_RDONLY, dir_fd=hit.out_fd), "rb") as file:
                return hit.compiled, file.read()
        finally:
            os.close(hit.out_fd)

    async def _made(self):
        return CompileCache(self._most_bytes, self.toolchains)

    async def _keep(self, key, size, told):
        out = self._directory / str(next(self._numbers))
        out.mkdir()
        (out / "main").write_bytes(key.digest[:1] * size)
        fd = os.open(out, os.O_PATH | os.O_DIRECTORY)
        self.cache.keep(key, told, fd)
        os.close(fd)
        await self.cache.settled()


@pytest.fixture
def used(tmp_path):
    one = Used(tmp_path)
    yield one
    one.close()


def test_what_was_kept_is_found_with_what_the_compiler_said(used):
    used.keep("a", 5)
    told, content = used.take("a")
    assert content == used.key("a").digest[:1] * 5
    assert told.report == compiled().report
    assert told.evidence == msgspec.structs.replace(compiled().evidence, cache=CompileCacheUse.HIT)
    assert used.take("b") is None


def test_least_recently_used_goes_first(used):
    names = [str(number) for number in range(10)]
    for name in names:
        used.keep(name)
    assert used.finds(*names) == names
    used.finds("0", "1")
    for name in "abcd":
        used.keep(name)
    kept = used.finds("0", "1", *"abcd", *names[2:])
    assert kept[:6] == ["0", "1", *"abcd"]
    assert "2" not in kept
    assert len(kept) < 14


def test_size_is_bounded_and_told(used):
    for number in range(200):
        used.keep(str(number), size=number * 100)
        assert used.cache.size_bytes <= MIB
    assert used.told[-1] == used.cache.size_bytes > MIB - 128 * KIB
    assert len(used.told) == 200


def test_many_small_entries_are_bounded_too(used):
    names = [str(number) for number in range(100)]
    for name in names:
        used.keep(name, size=0)
    assert 32 < len(used.finds(*names)) <= 64


@pytest.mark.parametrize(
    ("size", "told"),
    [
        (MIB // 8, compiled()),
        (1, compiled(stdout=b"x" * (MIB // 8))),
        (1, compiled(output_order=((1, 1), (2, 1)) * 1000)),
    ],
    ids=["artifact", "output", "order of output"],
)
def test_an_entry_may_take_an_eighth_of_the_cache(used, size, told):
    used.keep("small")
    used.keep("large", size=size, told=told)
    assert used.finds("small", "large") == ["small"]


def test_equal_compilations_are_kept_once(used):
    used.keep("a", size=10)
    size_bytes = used.cache.size_bytes
    used.keep("a", size=20)
    assert used.cache.size_bytes == size_bytes
    assert len(used.take("a")[1]) == 10


def test_what_was_compiled_while_the_toolchain_was_exchanged_is_not_kept(used):
    key = used.key("a")
    used.toolchains.installed = "14.3"
    used.keep("a", key=key)
    used.toolchains.installed = "14.2"
    assert used.take("a") is None
    assert used.cache.size_bytes == 0


def test_what_is_not_plain_files_is_not_kept(used, tmp_path):
    out = tmp_path / "odd"
    out.mkdir()
    (out / "main").symlink_to("/etc/shadow")

    async def keep():
        fd = os.open(out, os.O_PATH | os.O_DIRECTORY)
        used.cache.keep(used.key("a"), compiled(), fd)
        os.close(fd)
        await used.cache.settled()

    used.call(keep())
    assert used.take("a") is None


def test_where_nothing_can_be_mounted_the_cache_is_off_and_says_so_once(used, monkeypatch, caplog):
    monkeypatch.setattr("cellblock.engine.compile_cache.why_no_mounts", lambda: "not permitted")
    used.keep("a", key=(key := used.key("a")))
    used.keep("b", key=key)
    assert used.key("a") is None
    assert [record.message.count("not permitted") for record in caplog.records] == [1]


def test_a_hit_that_cannot_be_mounted_is_a_miss(used, monkeypatch, caplog):
    used.keep("a")

    async def fail(_):
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr("cellblock.engine.compile_cache.mount_copy", fail)
    assert used.take("a") is None
    assert "Cannot allocate memory" in caplog.text


def test_a_closed_cache_holds_nothing_and_what_was_being_copied_is_given_up(used):
    used.keep("a")

    async def close_while_copying():
        fd = os.open(used._directory, os.O_PATH | os.O_DIRECTORY)
        used.cache.keep(used.key("b"), compiled(), fd)
        os.close(fd)
        await used.cache.close()

    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    used.call(close_while_copying())
    assert (used.cache.size_bytes, used.key("a")) == (0, None)
    assert len(list(Path("/proc/self/fd").iterdir())) == descriptors


def test_memory_of_entries_that_went_is_given_back(tmp_path):
    used = Used(tmp_path, most_bytes=64 * MIB)
    try:
        for number in range(8):
            used.keep(str(number), size=7 * MIB)
        before = _resident_bytes()
        for number in range(40):
            used.keep(f"later-{number}", size=7 * MIB)
        assert _resident_bytes() < before + 8 * MIB
        used.call(used.cache.close())
        assert _resident_bytes() < before - 48 * MIB
    finally:
        used.close()


def _resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
