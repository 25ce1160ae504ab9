"""The main flow: one job in, one outcome out.

pick the runtime → plan → compile in a cell of its own, where the language compiles → run in
another, with what the compiler left attached read-only → conclude. Every job gets an outcome;
where we failed, it is ``IE`` and says at what.
"""

from __future__ import annotations

import errno
import os
import time

import msgspec

from cellblock.config import Settings
from cellblock.engine.availability import Availability
from cellblock.engine.installation import Installation
from cellblock.engine.outcome import Staged, conclude, conclude_failed_compile
from cellblock.engine.timing import JobClock
from cellblock.engine.watch import Watch
from cellblock.errors import CellblockError, CellLostError, SandboxError
from cellblock.failed import failed_outcome
from cellblock.languages.registry import OUT, Command, Plan, Registry, Runtime
from cellblock.model import Job, Outcome, SourceFile, Stage
from cellblock.sandbox.cell import CellSpec
from cellblock.sandbox.host import Host


class UnknownLanguageError(CellblockError):
    """The job names a language or a runtime that cannot be run here."""


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

    async def run(self, job: Job) -> Outcome:
        """Run the job once.

        Raises ``UnknownLanguageError``, ``RequestRefused``, ``CellLostError`` and nothing else of ours.
        """
        runtime = self._choose(job)
        plan = runtime.plan(job.files, job.args, job.profile, run=job.run, compile=job.compile)
        return await self.run_plan(runtime, plan, stdin=job.stdin, loopback=job.loopback)

    async def run_plan(
        self, runtime: Runtime, plan: Plan, *, stdin: bytes = b"", loopback: bool = False
    ) -> Outcome:
        """Run both stages of a plan; raises ``CellLostError`` and nothing else of ours."""
        stages: list[Staged] = []
        clock = JobClock()
        out_fd = -1
        try:
            if plan.compile is not None:
                spec = self._spec(runtime, plan.compile, plan.files, makes_out=True)
                compiled, out_fd = await self._run_stage(spec, Stage.COMPILE, runtime, clock)
                stages.append(compiled)
                if not compiled.succeeded:
                    return clock.stamp(conclude_failed_compile(compiled))
            spec = self._spec(runtime, plan.run, plan.files, stdin=stdin, loopback=loopback, out_fd=out_fd)
            ran, _ = await self._run_stage(spec, Stage.RUN, runtime, clock)
            return clock.stamp(conclude(ran, stages))
        except CellLostError:
            raise
        except SandboxError as error:
            # Only the compiler wrote to /out: what cannot be executed there is the submission's doing.
            if error.step == "exec" and stages and plan.run.argv[0].startswith(f"{OUT}/"):
                reason = errno.errorcode.get(error.errno, str(error.errno))
                return conclude_failed_compile(msgspec.structs.replace(stages[0], artifact_error=reason))
            return self._failed(error)
        except CellblockError as error:
            return self._failed(error)
        finally:
            if out_fd >= 0:
                os.close(out_fd)

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
        async with self._host.cell(spec) as cell:
            ready_ns = time.monotonic_ns()
            observed = await Watch(cell).run()
            out_fd = cell.take_out()
        clock.cell_gone(cell, asked_ns=asked_ns, ready_ns=ready_ns, ended_ns=observed.ended_ns)
        staged = Staged(
            stage=stage,
            cell=cell,
            observed=observed,
            isolation_mode=self._host.isolation_mode,
            language=runtime.language,
            language_version=self.availability.version_of(runtime.id),
            node_id=self._settings.node_id,
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
            makes_out=makes_out,
            loopback=loopback,
            out_fd=out_fd,
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
