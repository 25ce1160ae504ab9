"""The main flow: one job in, one outcome out.

pick the runtime → make a cell and read its controls back → open the gate and watch → end
everything → conclude. Every job gets an outcome; where we failed, it is ``IE`` and says at what.
"""

from __future__ import annotations

from cellblock.config import Settings
from cellblock.engine.outcome import RunContext, conclude
from cellblock.engine.watch import Watch
from cellblock.errors import CellblockError
from cellblock.failed import failed_outcome
from cellblock.languages.registry import Registry, Runtime
from cellblock.model import Job, Outcome, SourceFile
from cellblock.sandbox.cell import CellSpec
from cellblock.sandbox.host import Host


class UnknownLanguageError(CellblockError):
    """The job names a language that is not in the catalog or not installed."""


class Engine:
    """Runs jobs on one host. Any number at the same time; the caller bounds them."""

    def __init__(self, settings: Settings, host: Host, registry: Registry) -> None:
        """Run what ``registry`` knows in cells of ``host``."""
        self._settings = settings
        self._host = host
        self._registry = registry
        self.versions: dict[str, str] = {}
        """What each runtime says of itself, by language."""

    async def run(self, job: Job) -> Outcome:
        """Run the job once; raises ``UnknownLanguageError`` and nothing else of ours."""
        runtime = self._registry.get(job.language)
        if runtime is None or runtime.executable is None:
            raise UnknownLanguageError(f"no runtime for language {job.language!r} on this host")
        limits = runtime.limits[job.profile]
        files = name_files(job.files, runtime)
        argv = runtime.command(files[0].name, job.args)
        spec = CellSpec(
            argv=argv, environment=runtime.environment, files=files, stdin=job.stdin, limits=limits
        )
        return await self.run_spec(spec, self.versions.get(runtime.name))

    async def run_spec(self, spec: CellSpec, language_version: str | None = None) -> Outcome:
        """Run what ``spec`` says in a cell of its own."""
        try:
            async with self._host.cell(spec) as cell:
                context = RunContext(
                    isolation_mode=self._host.isolation_mode,
                    language_version=language_version,
                    node_id=self._settings.node_id,
                    limits=spec.limits,
                )
                observed = await Watch(cell).run()
        except CellblockError as error:
            return failed_outcome(
                str(error), isolation_mode=self._host.isolation_mode, node_id=self._settings.node_id
            )
        return conclude(cell, observed, context)


def name_files(files: tuple[SourceFile, ...], runtime: Runtime) -> tuple[SourceFile, ...]:
    """Give a main file without a name the language's default one."""
    main, *others = files
    if main.name:
        return files
    return (SourceFile(runtime.source_name, main.content), *others)
