"""The catalog: every language file read, checked and found on this host.

Reading a catalog raises ``ConfigError`` with the file and what is wrong in it; a runtime that is
not installed is no error but a ``Runtime`` without an executable.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path, PurePosixPath

import msgspec
from msgspec import Struct

from cellblock.errors import ConfigError
from cellblock.model import Limits, Profile

_ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "HOME": "/box",
    "LANG": "C.UTF-8",
    "TMPDIR": "/tmp",  # noqa: S108  # the cell's own, private and limited
}
"""What every program finds in its environment; a language adds to it. Nothing comes from ours."""

WORK_AREA = PurePosixPath("/box")


class _CatalogLimits(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``Limits`` as a language file states them: what is the same for all is a setting."""

    memory_bytes: int
    cpu_ms: int
    wall_ms: int
    processes: int
    open_files: int
    file_size_bytes: int
    stack_bytes: int
    work_area_bytes: int
    work_area_inodes: int


class SelfTest(Struct, frozen=True, forbid_unknown_fields=True):
    """A program that must print exactly ``stdout`` before the language is offered."""

    code: str
    stdout: str
    stdin: str = ""


class _LanguageFile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    name: str
    title: str
    aliases: list[str]
    suffixes: list[str]
    source_name: str
    executables: list[str]
    version_argv: list[str]
    run_argv: list[str]
    limits: dict[Profile, _CatalogLimits]
    self_test: SelfTest
    environment: dict[str, str] = {}
    visible: list[str] = []


class Runtime(Struct, frozen=True, kw_only=True):
    """One language of the catalog as this host has it."""

    name: str
    title: str
    aliases: tuple[str, ...]
    suffixes: tuple[str, ...]
    source_name: str
    executable: str | None
    """Absolute path; ``None`` where none of the candidates exists."""
    candidates: tuple[str, ...]
    version_argv: tuple[str, ...]
    run_argv: tuple[str, ...]
    environment: dict[str, str]
    visible: tuple[str, ...]
    limits: dict[Profile, Limits]
    self_test: SelfTest

    def command(self, main_file: str, args: Sequence[str]) -> list[str]:
        """Return the argv that runs ``main_file`` (relative to the work area) with ``args``."""
        return self._expand(self.run_argv, str(WORK_AREA / main_file), args)

    def version_command(self) -> list[str]:
        """Return the argv that prints the version."""
        return self._expand(self.version_argv, "", ())

    def _expand(self, argv: Sequence[str], main_file: str, args: Sequence[str]) -> list[str]:
        expanded: list[str] = []
        for part in argv:
            if part == "{args}":
                expanded.extend(args)
            else:
                expanded.append(
                    part.replace("{executable}", self.executable or "").replace("{main}", main_file)
                )
        return expanded


class Registry:
    """Languages by name and alias."""

    def __init__(self, runtimes: Sequence[Runtime]) -> None:
        """Index ``runtimes``; a name that two of them claim raises ``ConfigError``."""
        self.runtimes = tuple(runtimes)
        self._by_name: dict[str, Runtime] = {}
        for runtime in runtimes:
            for name in (runtime.name, *runtime.aliases):
                if name in self._by_name:
                    raise ConfigError(
                        f"languages {self._by_name[name].name} and {runtime.name} both claim {name!r}"
                    )
                self._by_name[name] = runtime

    def get(self, name: str) -> Runtime | None:
        """Find a language by name or alias, in any case."""
        return self._by_name.get(name.lower())


def load_catalog(output_bytes: int, overrides: Mapping[str, Mapping[str, Mapping[str, int]]]) -> Registry:
    """Read every file of the catalog that ships with the package.

    ``overrides`` are the operator's limits by language, profile and field of ``Limits``.
    """
    files = sorted(
        (
            entry
            for entry in resources.files(__package__).joinpath("catalog").iterdir()
            if entry.name.endswith(".toml")
        ),
        key=lambda entry: entry.name,
    )
    runtimes = [
        _runtime(_parse(entry.name, entry.read_text(encoding="utf-8")), output_bytes, overrides)
        for entry in files
    ]
    unknown = set(overrides) - {runtime.name for runtime in runtimes}
    if unknown:
        names = ", ".join(runtime.name for runtime in runtimes)
        raise ConfigError(f"limits for unknown language {', '.join(sorted(unknown))}; there are: {names}")
    return Registry(runtimes)


def _parse(file_name: str, text: str) -> _LanguageFile:
    try:
        parsed = msgspec.convert(tomllib.loads(text), _LanguageFile)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ConfigError(f"languages/catalog/{file_name}: {error}") from error
    missing = [profile.value for profile in Profile if profile not in parsed.limits]
    if missing:
        raise ConfigError(
            f"languages/catalog/{file_name}: limits for profile {', '.join(missing)} are missing"
        )
    return parsed


def _runtime(
    file: _LanguageFile, output_bytes: int, overrides: Mapping[str, Mapping[str, Mapping[str, int]]]
) -> Runtime:
    changed = overrides.get(file.name, {})
    limits = {}
    for profile in Profile:
        fields = {
            "output_bytes": output_bytes,
            **msgspec.structs.asdict(file.limits[profile]),
            **changed.get(profile, {}),
        }
        try:
            limits[profile] = msgspec.convert(fields, Limits)
        except msgspec.ValidationError as error:
            raise ConfigError(f"limits.{file.name}.{profile}: {error}") from error
        not_positive = [name for name, value in fields.items() if value <= 0]
        if not_positive:
            raise ConfigError(f"limits.{file.name}.{profile}.{not_positive[0]} must be greater than 0")
    return Runtime(
        name=file.name,
        title=file.title,
        aliases=tuple(file.aliases),
        suffixes=tuple(file.suffixes),
        source_name=file.source_name,
        executable=next((path for path in file.executables if os.access(path, os.X_OK)), None),
        candidates=tuple(file.executables),
        version_argv=tuple(file.version_argv),
        run_argv=tuple(file.run_argv),
        environment={**_ENVIRONMENT, **file.environment},
        visible=tuple(path for path in file.visible if Path(path).exists()),
        limits=limits,
        self_test=file.self_test,
    )
