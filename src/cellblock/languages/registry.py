"""Every runtime of the catalog, ready to be asked for commands, limits and names.

Reading the catalog raises ``ConfigError`` with file and line; a runtime that is not installed is
no error, but one that never becomes available.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import PurePosixPath

import msgspec
from msgspec import Struct

from cellblock.errors import ConfigError, RequestRefused
from cellblock.languages.catalog_file import (
    RuntimeFile,
    SelfTest,
    StageFile,
    StatedLimits,
    parse_runtime_file,
)
from cellblock.languages.sources import MainFile, name_main_file
from cellblock.model import Limits, Profile, SourceFile, StageLimits

WORK_AREA = PurePosixPath("/box")
OUT = PurePosixPath("/out")

_ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "HOME": "/box",
    "LANG": "C.UTF-8",
    "TMPDIR": "/tmp",  # noqa: S108  # the cell's own, private and limited
}
"""What every program finds in its environment; a language adds to it. Nothing comes from ours."""

_MIB = 1 << 20

_PLACEHOLDER = re.compile(r"\{(?P<name>[a-z_]+)(?:\*(?P<times>[0-9]+))?(?:/(?P<by>[0-9]+))?\}")
"""``{name}``, and of a number also ``{name*5/8}``."""

LimitOverrides = Mapping[str, Mapping[str, Mapping[str, int]]]
"""The operator's limits by language, use (``judge``, ``executor``, ``compile``) and field."""


class Command(Struct, frozen=True, kw_only=True):
    """One stage of one submission, with every placeholder filled in."""

    argv: tuple[str, ...]
    environment: dict[str, str]
    limits: Limits
    warm: str = ""
    """How the runtime may be started ahead: ``fork``, ``boot``, or not at all."""
    gate: str = ""
    """The path at whose first look it then waits."""
    stand_in: str = ""
    """What it opens before that."""


class Plan(Struct, frozen=True, kw_only=True):
    """What a submission comes to with one runtime."""

    files: tuple[SourceFile, ...]
    compile: Command | None
    run: Command


class Runtime(Struct, frozen=True, kw_only=True):
    """One runtime of the catalog, with the operator's limits."""

    file: RuntimeFile
    fingerprint: str
    """The file's content, for what is remembered about it."""
    limits: dict[Profile, Limits]
    compile_limits: Limits | None

    @property
    def id(self) -> str:
        """Unique in the catalog."""
        return self.file.id

    @property
    def language(self) -> str:
        """Canonical name, shared with the language's other runtimes."""
        return self.file.language

    @property
    def self_test(self) -> SelfTest:
        """What must pass before the runtime is offered."""
        return self.file.self_test

    def version_command(self) -> Command:
        """Return the command whose output tells the version."""
        limits = self.limits[Profile.EXECUTOR]
        argv = tuple(part.replace("{executable}", self.file.executable) for part in self.file.version_argv)
        return Command(argv=argv, environment=self._environment(limits, {}), limits=limits)

    def plan(  # what a job says, field by field
        self,
        files: Sequence[SourceFile],
        args: Sequence[str],
        profile: Profile,
        *,
        run: StageLimits,
        compile: StageLimits,  # noqa: A002  # the field's name
    ) -> Plan:
        """Name the files and fill in both stages; requests lower limits, they never raise them.

        Raises ``RequestRefused`` where the main file, called by its content, takes another's name, or a
        source is called like a list of options.
        """
        main = name_main_file(self.file.source.rule, self.file.source.name, files[0])
        if _is_taken(main.name, files[1:]):
            raise RequestRefused(
                400, f"files: the main file has to be called {main.name!r}, which another file is called"
            )
        if listed := next(filter(_is_list_of_options, self._sources_given(main, files)), ""):
            raise RequestRefused(
                400,
                f"files: {listed!r} is no name for a source: compilers look for options in what follows an @",
            )
        named = (SourceFile(main.name, files[0].content), *files[1:])
        named += tuple(
            SourceFile(name, content.encode())
            for name, content in self.file.source.beside.items()
            if not _is_taken(name, named)
        )
        compiling = None
        if self.file.compile is not None and self.compile_limits is not None:
            limits = lowered(self.compile_limits, compile)
            compiling = self._command(self.file.compile, limits, main, named, ())
        running = self._command(self.file.run, lowered(self.limits[profile], run), main, named, args)
        return Plan(files=named, compile=compiling, run=running)

    def _command(
        self,
        stage: StageFile,
        limits: Limits,
        main: MainFile,
        files: Sequence[SourceFile],
        args: Sequence[str],
    ) -> Command:
        values = {
            "executable": self.file.executable,
            "main": str(WORK_AREA / main.name),
            "main_name": option_safe(main.name),
            "main_dir": f"./{PurePosixPath(main.name).parent}",
            "main_class": main.main_class,
            "stem": PurePosixPath(main.name).stem,
            "out": str(OUT),
            "memory_mb": str(limits.memory_bytes // _MIB),
        }
        sources = self._sources(main, files)
        lists = {"{args}": list(args), "{sources}": [option_safe(name) for name in sources]}
        expanded: list[str] = []
        for part in stage.argv:
            expanded.extend(lists[part] if part in lists else [_fill(part, values)])
        # A runtime may look at hidden files when it boots; one that booted before they were there has not.
        is_plain = not any(file.name.startswith(".") for file in files)
        beginnings = tuple(text.encode() for text in stage.cold_for)
        is_plain = is_plain and not files[0].content.startswith(beginnings)
        is_plain = (
            is_plain and not args and self._is_usual(main, sources if "{sources}" in stage.argv else ())
        )
        return Command(
            argv=tuple(expanded),
            environment=self._environment(limits, values),
            limits=limits,
            warm=stage.warm if is_plain else "",
            gate=_fill(stage.gate, values),
            stand_in=_fill(stage.stand_in, values),
        )

    def _sources(self, main: MainFile, files: Sequence[SourceFile]) -> list[str]:
        suffixes = tuple(self.file.source.suffixes)
        return [file.name for file in files if file.name == main.name or file.name.endswith(suffixes)]

    def _sources_given(self, main: MainFile, files: Sequence[SourceFile]) -> list[str]:
        """Return the names of what a compiler is given, where it is given every source."""
        given = self.file.compile is not None and "{sources}" in self.file.compile.argv
        return [main.name, *self._sources(main, files[1:])] if given else []

    def _is_usual(self, main: MainFile, sources: Sequence[str]) -> bool:
        """Say whether the names are those of any submission that gives none.

        What is started ahead is kept by its command, for everybody: names of one's own in it would tell
        others, by how soon the answer comes, who else uses them.
        """
        source = self.file.source
        usual = name_main_file(source.rule, source.name, SourceFile("", b""))
        return main == usual and {usual.name, *source.beside}.issuperset(sources)

    def _environment(self, limits: Limits, values: Mapping[str, str]) -> dict[str, str]:
        known = {**values, "memory_mb": str(limits.memory_bytes // _MIB)}
        return {
            **_ENVIRONMENT,
            **{name: _fill(value, known) for name, value in self.file.environment.items()},
        }


def _is_taken(name: str, files: Sequence[SourceFile]) -> bool:
    """Say whether a file has the name, or a directory of theirs."""
    return any(name == file.name or file.name.startswith(f"{name}/") for file in files)


def _fill(text: str, values: Mapping[str, str]) -> str:
    """Put values in, in one pass: what a value says is never read as a placeholder again."""

    def value_of(match: re.Match[str]) -> str:
        value = values.get(match["name"])
        if value is None:
            return match[0]
        if match["times"] or match["by"]:
            return str(int(value) * int(match["times"] or 1) // int(match["by"] or 1))
        return value

    return _PLACEHOLDER.sub(value_of, text)


def _is_list_of_options(name: str) -> bool:
    """Say whether a compiler's part may take a file's name for that of a list of options.

    Of a path it would not, but GCC hands its parts the last of it alone.
    """
    return PurePosixPath(name).name.startswith("@")


def option_safe(name: str) -> str:
    """Return a file name that no compiler takes for an option."""
    return f"./{name}" if name.startswith(("-", "@")) else name


def lowered(limits: Limits, asked: StageLimits) -> Limits:
    """Return ``limits`` with what was asked for, where that is less, but never less than something."""
    return msgspec.structs.replace(
        limits,
        wall_ms=_lower(limits.wall_ms, asked.wall_ms),
        cpu_ms=_lower(limits.cpu_ms, asked.cpu_ms),
        memory_bytes=_lower(limits.memory_bytes, asked.memory_bytes),
    )


def _lower(limit: int, asked: int | None) -> int:
    return max(1, min(limit, asked)) if asked else limit  # to the kernel, less than nothing is no limit


class Registry:
    """The catalog, by runtime id and by language."""

    def __init__(self, runtimes: Sequence[Runtime]) -> None:
        """Index ``runtimes``; a name that two languages claim raises ``ConfigError``."""
        self.runtimes = tuple(sorted(runtimes, key=lambda runtime: (runtime.file.rank, runtime.language)))
        claims: dict[str, str] = {}
        for runtime in runtimes:
            for name in (runtime.language, *runtime.file.aliases):
                if claims.setdefault(name, runtime.language) != runtime.language:
                    raise ConfigError(f"languages {claims[name]} and {runtime.language} both claim {name!r}")
        self._languages = claims
        self._by_id = {runtime.id: runtime for runtime in runtimes}
        if len(self._by_id) != len(self.runtimes):
            raise ConfigError("two catalog files have the same id")

    def by_id(self, runtime_id: str) -> Runtime | None:
        """Find one runtime."""
        return self._by_id.get(runtime_id)

    def of_language(self, name: str) -> tuple[Runtime, ...]:
        """Find all runtimes of a language, by its name or an alias, in any case."""
        language = self._languages.get(name.lower())
        return tuple(runtime for runtime in self.runtimes if runtime.language == language)


def load_catalog(output_bytes: int, overrides: LimitOverrides) -> Registry:
    """Read every file of the catalog that ships with the package."""
    entries = resources.files(__package__).joinpath("catalog").iterdir()
    files = sorted((entry for entry in entries if entry.name.endswith(".toml")), key=lambda entry: entry.name)
    runtimes = []
    for entry in files:
        text = entry.read_text(encoding="utf-8")
        parsed = parse_runtime_file(f"languages/catalog/{entry.name}", text)
        runtimes.append(make_runtime(parsed, text, output_bytes, overrides.get(parsed.language, {})))
    unknown = set(overrides) - {runtime.language for runtime in runtimes}
    if unknown:
        names = ", ".join(sorted({runtime.language for runtime in runtimes}))
        raise ConfigError(f"limits for unknown language {', '.join(sorted(unknown))}; there are: {names}")
    return Registry(runtimes)


def make_runtime(
    file: RuntimeFile, text: str, output_bytes: int, overrides: Mapping[str, Mapping[str, int]]
) -> Runtime:
    """Put file and operator's limits together; raises ``ConfigError`` for a limit that cannot be."""
    unknown = set(overrides) - {"compile", *Profile}
    if unknown:
        raise ConfigError(f"limits.{file.language}.{min(unknown)}: there are judge, executor and compile")

    def limits_for(use: str, stated: StatedLimits) -> Limits:
        fields = {"output_bytes": output_bytes, **msgspec.structs.asdict(stated), **overrides.get(use, {})}
        for name, value in fields.items():
            if value <= 0:
                raise ConfigError(f"limits.{file.language}.{use}.{name} must be greater than 0")
        try:
            return msgspec.convert(fields, Limits)
        except msgspec.ValidationError as error:
            raise ConfigError(f"limits.{file.language}.{use}: {error}") from error

    compiling = file.limits.compile
    if compiling is None and "compile" in overrides:
        raise ConfigError(f"limits.{file.language}.compile: {file.language} is not compiled")
    return Runtime(
        file=file,
        fingerprint=text,
        limits={profile: limits_for(profile, file.limits.for_profile(profile)) for profile in Profile},
        compile_limits=None if compiling is None else limits_for("compile", compiling),
    )
