"""Which runtimes are offered: those whose self-test passed in a cell, newest version first."""

from __future__ import annotations

from msgspec import Struct

from cellblock.languages.registry import Registry, Runtime
from cellblock.model import LanguageStatus, Remedy


class Finding(Struct, frozen=True):
    """What checking one runtime came to."""

    version: str | None
    """As the runtime says itself."""
    reason: str
    """Why it is not offered; empty when it is."""
    pending: bool = False
    """Whether it may be offered soon."""


_NOT_CHECKED = Finding(None, "its self-test has not been run yet", pending=True)


class Availability:
    """What is known of every runtime of the catalog on this host."""

    def __init__(self, registry: Registry) -> None:
        """Know nothing yet."""
        self._registry = registry
        self._findings: dict[str, Finding] = {}

    def note(self, runtime_id: str, finding: Finding) -> None:
        """Remember what a check came to."""
        self._findings[runtime_id] = finding

    def finding(self, runtime_id: str) -> Finding:
        """Return what is known of a runtime."""
        return self._findings.get(runtime_id, _NOT_CHECKED)

    def version_of(self, runtime_id: str) -> str | None:
        """Return the version that the runtime says of itself."""
        return self.finding(runtime_id).version

    def is_available(self, runtime_id: str) -> bool:
        """Say whether the runtime is offered."""
        return not self.finding(runtime_id).reason

    def newest(self, language: str) -> Runtime | None:
        """Return the newest runtime of a language (by name or alias) that is offered."""
        offered = (
            runtime for runtime in self._registry.of_language(language) if self.is_available(runtime.id)
        )
        return max(offered, key=self._version_key, default=None)

    @property
    def statuses(self) -> tuple[LanguageStatus, ...]:
        """Every runtime, offered or not: languages in the catalog's order, newest version first."""
        order = {runtime.language: n for n, runtime in reversed(list(enumerate(self._registry.runtimes)))}
        newest_first = sorted(self._registry.runtimes, key=self._version_key, reverse=True)
        return tuple(
            self._status(runtime)
            for runtime in sorted(newest_first, key=lambda runtime: order[runtime.language])
        )

    @property
    def features(self) -> tuple[Remedy, ...]:
        """The same as lines of a report."""
        return tuple(
            Remedy(
                feature=f"language {status.name} ({status.runtime})",
                ok=status.available,
                detail=status.reason or f"{status.title} {status.version}",
                remedy="" if status.available else f"cellblock languages install {status.name}",
                required=False,
            )
            for status in self.statuses
        )

    def _version_key(self, runtime: Runtime) -> tuple[int, ...]:
        version = self.version_of(runtime.id) or "0"
        return tuple(int(part) for part in version.split(".") if part.isdigit())

    def _status(self, runtime: Runtime) -> LanguageStatus:
        finding = self.finding(runtime.id)
        return LanguageStatus(
            name=runtime.language,
            runtime=runtime.id,
            engine=runtime.file.engine,
            execute_name=runtime.file.execute_name or runtime.language,
            shows_compile=runtime.file.shows_compile,
            title=runtime.file.title,
            aliases=tuple(runtime.file.aliases),
            suffixes=tuple(runtime.file.source.suffixes),
            source_name=runtime.file.source.name if runtime.file.source.rule == "fixed" else "",
            version=finding.version,
            available=not finding.reason,
            reason=finding.reason,
            pending=finding.pending,
            limits={profile.value: limits for profile, limits in runtime.limits.items()},
            compile_limits=runtime.compile_limits,
        )
