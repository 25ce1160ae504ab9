"""Which languages are offered: those whose self-test passes in a cell, here and now."""

from __future__ import annotations

from cellblock.engine.run import Engine
from cellblock.languages.registry import Registry, Runtime
from cellblock.model import Job, LanguageStatus, Outcome, Profile, Remedy, SourceFile, Verdict
from cellblock.sandbox.cell import CellSpec

_SHOWN_OUTPUT_BYTES = 200


class LanguageChecks:
    """Runs every self-test and remembers what came of it."""

    def __init__(self, engine: Engine, registry: Registry) -> None:
        """Check the languages of ``registry`` with ``engine``."""
        self._engine = engine
        self._registry = registry
        self._reasons: dict[str, str] = {runtime.name: "not checked yet" for runtime in registry.runtimes}

    async def run(self) -> None:
        """Check every language; one that fails is noted with its reason."""
        for runtime in self._registry.runtimes:
            self._reasons[runtime.name] = await self._check(runtime)

    @property
    def statuses(self) -> tuple[LanguageStatus, ...]:
        """Every language of the catalog, offered or not."""
        return tuple(
            LanguageStatus(
                name=runtime.name,
                title=runtime.title,
                aliases=runtime.aliases,
                suffixes=runtime.suffixes,
                version=self._engine.versions.get(runtime.name),
                available=not self._reasons[runtime.name],
                reason=self._reasons[runtime.name],
                limits={profile.value: limits for profile, limits in runtime.limits.items()},
            )
            for runtime in self._registry.runtimes
        )

    @property
    def features(self) -> tuple[Remedy, ...]:
        """The same as lines of a report."""
        return tuple(
            Remedy(
                feature=f"language {status.name}",
                ok=status.available,
                detail=status.reason or f"{status.title} {status.version}",
                remedy="" if status.available else "install its toolchain, then run cellblock doctor again",
                required=False,
            )
            for status in self.statuses
        )

    async def _check(self, runtime: Runtime) -> str:
        """Return why the language is not offered; empty when it is."""
        if runtime.executable is None:
            return f"not installed: none of {', '.join(runtime.candidates)} exists"
        version = await self._engine.run_spec(
            CellSpec(
                argv=runtime.version_command(),
                environment=runtime.environment,
                files=(),
                stdin=b"",
                limits=runtime.limits[Profile.JUDGE],
            )
        )
        if version.verdict is not Verdict.AC:
            return f"its version probe failed: {_describe(version)}"
        self._engine.versions[runtime.name] = version.stdout.decode(errors="replace").strip()
        test = runtime.self_test
        outcome = await self._engine.run(
            Job(
                id="self-test",
                language=runtime.name,
                files=(SourceFile("", test.code.encode()),),
                stdin=test.stdin.encode(),
            )
        )
        if outcome.verdict is not Verdict.AC or outcome.stdout != test.stdout.encode():
            return f"its self-test failed: {_describe(outcome)}"
        return ""


def _describe(outcome: Outcome) -> str:
    if outcome.error_message:
        return f"{outcome.verdict}: {outcome.error_message}"
    said = (outcome.stderr or outcome.stdout)[-_SHOWN_OUTPUT_BYTES:].decode(errors="replace").strip()
    return f"{outcome.verdict}, exit code {outcome.exit_code}, signal {outcome.signal}: {said!r}"
