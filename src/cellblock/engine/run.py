"""The main flow: one job in, one outcome out.

pick the runtime → plan → compile in a cell of its own, where the language compiles, or take what an
equal compilation left → run in another, with what the compiler left attached read-only → conclude.
Every job gets an outcome; where we failed, it is ``IE`` and says at what.
"""

from __future__ import annotations

import errno
import os
import time

import msgspec
from msgspec import Struct

from cellblock.config import Settings
from cellblock.engine.availability import Availability
from cellblock.engine.compile_cache import CompileCache, Key
from cellblock.engine.installation import Installation
from cellblock.engine.outcome import Compiled, Staged, conclude, conclude_failed_compile, tell_compile
from cellblock.engine.timing import JobClock
from cellblock.engine.watch import Watch
from cellblock.errors import CellblockError, CellLostError, SandboxError
from cellblock.failed import failed_outcome
from cellblock.languages.registry import OUT, Command, Plan, Registry, Runtime
from cellblock.model import CompileCacheUse, Job, Outcome, SourceFile, Stage
from cellblock.sandbox.host import Host
from cellblock.sandbox.shapes import CellSpec, How, Warm


class UnknownLanguageError(CellblockError):
    """The job names a language or a runtime that cannot be run here."""


class _Made(Struct, frozen=True, kw_only=True):
    """What is there to be run, besides the sources."""

    staged: Staged | None = None
    """The compile stage, where one ran."""
    told: Compiled | None = None
    """The same as it is told; also of one that did not have to run again."""
    out_fd: int = -1
    """A mount of what it left."""


class Engine:
    """Runs jobs on one host. Any number at the same time; the caller bounds them."""

    def __init__(
        self, settings: Settings, host: Host, registry: Registry, installation: Installation
    ) -> None:
        """Run what ``registry`` knows in cells of ``host``."""
        self._settings = settings
        self._host = host
        self._registry = registry
        self._installation = installation
        self.availability = Availability(registry)
        self.compile_cache = CompileCache(
            settings.compile_cache_bytes, installation, shared=settings.compile_cache_shared
        )

    async def run(self, job: Job) -> Outcome:
        """Run the job once.

        Raises ``UnknownLanguageError``, ``RequestRefused``, ``CellLostError`` and nothing else of ours.
        """
        runtime = self._choose(job)
        plan = runtime.plan(job.files, job.args, job.profile, run=job.run, compile=job.compile)
        return await self.run_plan(runtime, plan, stdin=job.stdin, loopback=job.loopback, tenant=job.tenant)

    async def run_plan(
        self,
        runtime: Runtime,
        plan: Plan,
        *,
        stdin: bytes = b"",
        loopback: bool = False,
        tenant: str | None = None,
    ) -> Outcome:
        """Run both stages of a plan; raises ``CellLostError`` and nothing else of ours.

        ``tenant``: whose programs, compiled before, may stand for the compile stage; ``None``: nobody's.
        """
        made = _Made()
        clock = JobClock()
        key = self.compile_cache.key(runtime, plan, tenant)
        try:
            made = await self._compile(runtime, plan, key, clock)
            if made.staged and not made.staged.succeeded:
                return clock.stamp(conclude_failed_compile(made.staged))
            spec = self._spec(
                runtime, plan.run, plan.files, stdin=stdin, loopback=loopback, out_fd=made.out_fd
            )
            ran, _ = await self._run_stage(spec, Stage.RUN, runtime, clock)
            if made.staged and made.told:
                self.compile_cache.keep(key, made.told, made.out_fd)
            return clock.stamp(conclude(ran, made.told))
        except CellLostError:
            raise
        except SandboxError as error:
            # Only the compiler wrote to /out: what cannot be executed there is the submission's doing.
            if error.step == "exec" and made.told and plan.run.argv[0].startswith(f"{OUT}/"):
                if made.staged is None:  # it was executed before: what a compiler makes of it now decides
                    return await self.run_plan(runtime, plan, stdin=stdin, loopback=loopback)
                reason = errno.errorcode.get(error.errno, str(error.errno))
                return conclude_failed_compile(msgspec.structs.replace(made.staged, artifact_error=reason))
            return self._failed(error)
        except CellblockError as error:
            return self._failed(error)
        finally:
            if made.out_fd >= 0:
                os.close(made.out_fd)

    async def _compile(self, runtime: Runtime, plan: Plan, key: Key | None, clock: JobClock) -> _Made:
        """Have the program compiled, or take what an equal compilation left."""
        if plan.compile is None:
            return _Made()
        if hit := await self.compile_cache.take(key):
            return _Made(told=hit.compiled, out_fd=hit.out_fd)
        spec = self._spec(runtime, plan.compile, plan.files, makes_out=True)
        staged, out_fd = await self._run_stage(spec, Stage.COMPILE, runtime, clock)
        if key is not None:
            staged = msgspec.structs.replace(staged, cache=CompileCacheUse.MISS)
        return _Made(staged=staged, told=tell_compile(staged), out_fd=out_fd)

    def _failed(self, error: CellblockError) -> Outcome:
        return failed_outcome(
            str(error), isolation_mode=self._host.isolation_mode, node_id=self._settings.node_id
        )

    async def run_command(self, runtime: Runtime, command: Command) -> Outcome:
        """Run a command of the runtime's root without any file of a submission."""
        return await self.run_plan(runtime, Plan(files=(), compile=None, run=command))

    async def _run_stage(
        self, spec: CellSpec, stage: Stage, runtime: Runtime, clock: JobClock
    ) -> tuple[Staged, int]:
        """Run one cell from gate to silence; returns what was seen, and its ``/out`` where it made one."""
        asked_ns = time.monotonic_ns()
        await self._installation.keep_in_memory(spec.root, spec.argv[0])
        out_fd = -1
        try:
            async with self._host.cell(spec) as cell:
                ready_ns = time.monotonic_ns()
                observed = await Watch(cell, spec).run()
                out_fd = cell.take_out()
        except BaseException:  # cancelled while the cell was being removed
            if out_fd >= 0:
                os.close(out_fd)
            raise
        clock.cell_gone(cell, asked_ns=asked_ns, ready_ns=ready_ns, ended_ns=observed.ended_ns)
        staged = Staged(
            stage=stage,
            cell=cell,
            observed=observed,
            isolation_mode=self._host.isolation_mode,
            language=runtime.language,
            language_version=self.availability.version_of(runtime.id),
            node_id=self._settings.node_id,
            limits=spec.limits,
        )
        return staged, out_fd

    def _spec(  # one argument a field
        self,
        runtime: Runtime,
        command: Command,
        files: tuple[SourceFile, ...],
        *,
        stdin: bytes = b"",
        makes_out: bool = False,
        loopback: bool = False,
        out_fd: int = -1,
    ) -> CellSpec:
        return CellSpec(
            argv=command.argv,
            environment=command.environment,
            files=files,
            stdin=stdin,
            limits=command.limits,
            root=runtime.file.root,
            binds=self._installation.binds(runtime),
            makes_out=makes_out,
            loopback=loopback,
            out_fd=out_fd,
            warm=_warm(command) if self._settings.warm_starts else None,
        )

    def _choose(self, job: Job) -> Runtime:
        if job.runtime is not None:
            runtime = self._registry.by_id(job.runtime)
            if runtime is None or not self.availability.is_available(runtime.id):
                raise UnknownLanguageError(f"no runtime {job.runtime!r} on this host")
            return runtime
        runtime = self.availability.newest(job.language)
        if runtime is None:
            raise UnknownLanguageError(f"no runtime for language {job.language!r} on this host")
        return runtime


def _warm(command: Command) -> Warm | None:
    if not command.warm:
        return None
    return Warm(
        how=How(command.warm),
        argv=command.argv,
        environment=tuple(command.environment.items()),
        gate=command.gate,
        stand_in=command.stand_in,
    )
