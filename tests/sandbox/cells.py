"""Programs run in real cells, and what must hold of every run, whatever its program did."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import textwrap
import time
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from cellblock import config
from cellblock.engine.availability import Finding
from cellblock.engine.installation import Installation
from cellblock.engine.run import Engine
from cellblock.languages.registry import Command, Plan, Registry, Runtime, load_catalog
from cellblock.model import IsolationMode, Job, Limits, Outcome, Profile, SourceFile, Verdict
from cellblock.sandbox.controls import CHECKS
from cellblock.sandbox.host import Host
from cellblock.sandbox.leases import LEASES
from cellblock.sandbox.template import HOST_ROOT
from cellblock.verdict.judge import judge
from sent import sent

T = TypeVar("T")

MIB = 1 << 20
RUNTIME = "python-host"
"""The runtime that is there without any toolchain installed, also in a virtual machine."""

GRACE_S = 1
"""How long after its limits a run may still take to be answered."""

_uid_blocks = itertools.count(1_024_000 + os.getpid() % 10_000 * 2048, 128)
_taken: list[int] = []


def own_uid_range() -> str:
    """Return one block of uids that no other test and no service of this machine takes."""
    first = next(_uid_blocks)
    _taken.append(first)
    return f"{first}-{first + 127}"


def remove_own_leases() -> None:
    """Take away the lock files of ``own_uid_range``, which no other process knows of."""
    while _taken:
        (LEASES / f"uids-{_taken.pop()}").unlink(missing_ok=True)


class Cells:
    """An engine with a host of its own, on an event loop of its own, used from plain functions."""

    def __init__(self, time_scale: float = 1, **settings: str) -> None:
        self.time_scale = time_scale
        settings = {"warm_starts": "false", "pool_cells_max": "0", **settings}
        self.settings = config.load(settings, {"CELLBLOCK_NODE_ID": "node-under-test"})
        self.registry = load_catalog(self.settings.output_max_bytes, {})
        self._loop = asyncio.Runner()
        try:
            self.host: Host = self.call(Host.open(self.settings))
        except BaseException:
            self._loop.close()
            raise

    def close(self) -> None:
        self.call(self.host.close())
        self._loop.close()

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self._loop.run(coroutine)

    # ---- running ----

    def run(self, code: str, **more: Any) -> Outcome:
        """Run Python ``code`` and hold the outcome to what every outcome promises."""
        return self.call(self.running(code, **more))

    async def running(
        self,
        code: str,
        *,
        stdin: bytes = b"",
        args: tuple[str, ...] = (),
        files: tuple[SourceFile, ...] = (),
        profile: Profile = Profile.JUDGE,
        loopback: bool = False,
        **limits: int,
    ) -> Outcome:
        """Run ``code`` under the profile's limits with these changes; times are those of real hardware."""
        runtime = self._runtime(profile, limits)
        main = SourceFile("", textwrap.dedent(code).encode())
        job = Job(
            id="test",
            language="python",
            files=(main, *files),
            stdin=stdin,
            args=args,
            profile=profile,
            loopback=loopback,
        )
        sent.add("code", main.content)
        sent.add("stdin", stdin)
        started_s = time.monotonic()
        outcome = await engine_for(self.settings, self.host, runtime).run(job)
        self._assert_sound(outcome, runtime.limits[profile], time.monotonic() - started_s)
        return outcome

    def run_argv(self, *argv: str, files: tuple[SourceFile, ...] = (), **limits: int) -> Outcome:
        """Run an executable of the cell's root."""
        return self.run_commands(argv, files=files, **limits)

    def run_commands(
        self,
        run: Sequence[str],
        *,
        compiler: Sequence[str] | None = None,
        files: tuple[SourceFile, ...] = (),
        loopback: bool = False,
        **limits: int,
    ) -> Outcome:
        """Run executables of the cell's root: one, or one that writes to ``/out`` and then another."""
        runtime = self._runtime(Profile.JUDGE, limits)
        environment = runtime.version_command().environment

        def command(argv: Sequence[str]) -> Command:
            return Command(argv=tuple(argv), environment=environment, limits=runtime.limits[Profile.JUDGE])

        plan = Plan(files=files, compile=command(compiler) if compiler else None, run=command(run))
        engine = engine_for(self.settings, self.host, runtime)
        return self.call(engine.run_plan(runtime, plan, loopback=loopback))

    def observe(self, code: str, **more: Any) -> Any:
        """Run a program that must end well and prints one JSON value; returns the value."""
        outcome = self.run(code, **more)
        assert outcome.verdict is Verdict.AC, (outcome.error_message, outcome.signal, outcome.stderr.decode())
        return json.loads(outcome.stdout)

    def _runtime(self, profile: Profile, changes: dict[str, int]) -> Runtime:
        runtime = self.registry.by_id(RUNTIME)
        assert runtime is not None
        limits = msgspec.structs.replace(runtime.limits[profile], **changes)
        scaled = msgspec.structs.replace(
            limits, cpu_ms=int(limits.cpu_ms * self.time_scale), wall_ms=int(limits.wall_ms * self.time_scale)
        )
        return msgspec.structs.replace(runtime, limits={**runtime.limits, profile: scaled})

    def _assert_sound(self, outcome: Outcome, limits: Limits, took_s: float) -> None:
        assert took_s <= limits.wall_ms / 1000 + GRACE_S * self.time_scale
        if {"memory_limit", "process_limit"} & set(self.settings.accept_missing):
            return  # without the cgroup's counters an outcome says less
        if self.host.isolation_mode is IsolationMode.STRICT and outcome.evidence.facts is not None:
            assert_sound(outcome, self.settings.accept_missing)

    # ---- what is there ----

    @property
    def spawner_pid(self) -> int:
        spawner = self.host._roots._posts[HOST_ROOT].spawner
        assert spawner is not None
        return spawner.pid

    def groups(self) -> list[Path]:
        """Return the cells' directories in this instance's cgroup subtrees."""
        assert self.host._tree is not None
        trees = [path for path in self.host._tree.paths if path.exists()]
        return [below for path in trees for below in path.iterdir() if below.is_dir()]

    def processes(self) -> list[int]:
        """Return every process that has a uid of this instance, or is the spawner's child."""
        first = self.host._block.first_uid
        return processes_of(range(first, first + 128)) + children_of(self.spawner_pid)

    def assert_nothing_is_left(self) -> None:
        """A closed cell has gone; the kernel may take a moment to forget a dead process."""
        if self.host._tree is not None:
            assert self.groups() == []
        until(lambda: self.processes() == [], 1 * self.time_scale)

    def assert_next_run_works(self) -> None:
        assert self.run("print('well')").stdout == b"well\n"


def engine_for(settings: config.Settings, host: Host, runtime: Runtime) -> Engine:
    """Return an engine that offers this one runtime."""
    engine = Engine(settings, host, Registry([runtime]), Installation(settings.toolchain_dir))
    engine.availability.note(runtime.id, Finding("3.11.2", ""))
    return engine


def assert_sound(outcome: Outcome, accepted: tuple[str, ...] = ()) -> None:
    """Every control held but the accepted ones, the program is gone, its verdict follows from evidence."""
    evidence = outcome.evidence
    assert set(evidence.controls_missing) <= set(accepted)
    assert evidence.controls_applied == tuple(
        name for name in CHECKS if name not in evidence.controls_missing
    )
    assert evidence.isolation_mode is IsolationMode.STRICT
    assert evidence.collection_errors == ()
    assert evidence.process_lifecycle.descendant_containment == "ok"
    assert evidence.process_lifecycle.zombie_count == 0
    assert evidence.cgroup.process_count == 0
    assert evidence.facts is not None
    again = judge(evidence.facts)
    assert (again.verdict, again.cause, again.actor) == (
        outcome.verdict,
        evidence.verdict_cause,
        evidence.verdict_actor,
    )


def kill_reasons(outcome: Outcome) -> list[str]:
    return [action.reason for action in outcome.evidence.judge_actions if action.action == "kill"]


def until(condition: Any, timeout_s: float) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, f"still not so after {timeout_s} s"
        time.sleep(0.005)


def processes_of(uids: range) -> list[int]:
    """Return who lives under these uids; who only waits for the machine's init to reap it does not live."""
    return [
        pid
        for pid, status in _statuses()
        if int(status["Uid"].split()[0]) in uids and not (status["State"][0] == "Z" and status["PPid"] == "1")
    ]


def children_of(parent: int) -> list[int]:
    return [pid for pid, status in _statuses() if int(status["PPid"]) == parent]


def _statuses() -> Iterator[tuple[int, dict[str, str]]]:
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            lines = (entry / "status").read_text(encoding="utf-8").splitlines()
        except OSError:  # it has ended meanwhile
            continue
        yield int(entry.name), dict(line.split(":\t", 1) for line in lines if ":\t" in line)


@contextmanager
def opened(time_scale: float, **settings: str) -> Iterator[Cells]:
    """Lend an instance for one test, with uids of its own."""
    cells = Cells(time_scale, **{"uid_range": own_uid_range(), **settings})
    try:
        yield cells
    finally:
        cells.close()
