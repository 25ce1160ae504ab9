"""One file of the catalog: its format, read strictly, with file and line in every complaint."""

from __future__ import annotations

import re
import tomllib
from typing import Literal

import msgspec
from msgspec import Struct

from cellblock.errors import ConfigError
from cellblock.languages.needs import Need
from cellblock.model import Profile


class StatedLimits(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``Limits`` as a language file states them: what is the same for all languages is a setting."""

    memory_bytes: int
    cpu_ms: int
    wall_ms: int
    processes: int
    open_files: int
    file_size_bytes: int
    stack_bytes: int
    work_area_bytes: int
    work_area_inodes: int


class Source(Struct, frozen=True, forbid_unknown_fields=True):
    """How files of the language are called."""

    name: str
    """The main file's name where the submission gives none."""
    suffixes: list[str]
    rule: str = "fixed"
    """Which function of ``sources`` names the main file."""
    beside: dict[str, str] = {}
    """Files placed beside the submission's where it has none of that name: content by relative path."""


class StageFile(Struct, frozen=True, forbid_unknown_fields=True):
    """One stage's command."""

    argv: list[str]
    warm: Literal["", "fork", "boot"] = ""
    """How its runtime can be started ahead of a submission: booted once and forked, or booted for each."""
    stand_in: str = ""
    """The main file, where it is named long before that and must be found: opened (fork), seen (boot)."""
    cold_for: list[str] = []
    """Main files that begin with one of these are for a runtime that starts when they are there."""
    gate: str = ""
    """With ``warm``: the path, as the runtime names it, at whose first look a booted one waits. With a final
    slash: all below it, and every relative name."""


class SelfTest(Struct, frozen=True, forbid_unknown_fields=True):
    """A program that must print exactly ``stdout`` before the runtime is offered."""

    code: str
    stdout: str
    stdin: str = ""


class LimitsByUse(Struct, frozen=True, forbid_unknown_fields=True):
    """The profiles' limits, and the compiler's where there is one."""

    judge: StatedLimits
    executor: StatedLimits
    compile: StatedLimits | None = None

    def for_profile(self, profile: Profile) -> StatedLimits:
        """Return the limits of a run under ``profile``."""
        return self.judge if profile is Profile.JUDGE else self.executor


TREE = "tree"
"""The root that ``cellblock languages install`` builds; what is in it is known beforehand."""


class RuntimeFile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole of one file."""

    id: str
    language: str
    title: str
    aliases: list[str]
    root: str
    executable: str
    version_argv: list[str]
    source: Source
    run: StageFile
    limits: LimitsByUse
    self_test: SelfTest
    rank: int = 100
    """Where the language stands in lists: the lowest first."""
    version: str = ""
    """How the version begins, whole numbers with dots; empty where it is whatever the host has."""
    level: str = ""
    """Which edition of the language it takes, where the version does not say."""
    version_pattern: str = r"(\d+\.\d+\.\d+)"
    execute_name: str = ""
    engine: str | None = None
    shows_compile: bool = False
    compile: StageFile | None = None
    environment: dict[str, str] = {}
    needs: list[Need] = []
    reasons: dict[str, str] = {}

    def has_version(self, version: str) -> bool:
        """Say whether a version that was found is the one stated, as far as that goes."""
        return f"{version}.".startswith(f"{self.version}.") or not self.version


_VERSION = re.compile(r"[0-9]+(\.[0-9]+)*")
_KEY_IN_MESSAGE = re.compile(r"field `(?P<key>[^`]+)`")
_HEADER = re.compile(r"\[\[?(?P<name>[a-z_.]+)\]\]?")
_PATH_IN_MESSAGE = re.compile(r"`\$(?P<path>[^`]*)`")


def parse_runtime_file(file_name: str, text: str) -> RuntimeFile:
    """Read one catalog file; raises ``ConfigError`` with file, line and what was expected."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file_name}: {error}") from error  # tomllib names line and column
    try:
        parsed = msgspec.convert(document, RuntimeFile)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{file_name}:{_line_of(text, str(error))}: {error}") from error
    _check(file_name, text, parsed)
    return parsed


def _check_warm(file: str, text: str, name: str, stage: StageFile) -> None:
    is_named = stage.gate.startswith(("/", "{"))
    if bool(stage.warm) != bool(stage.gate) or (stage.gate and not is_named):
        line = _line_of(text, f"field `gate` at `$.{name}`")
        raise ConfigError(
            f"{file}{line}: warm and a gate (from / or a placeholder) come together or not at all"
        )
    if stage.cold_for and not stage.warm:
        line = _line_of(text, f"field `cold_for` at `$.{name}`")
        raise ConfigError(f"{file}{line}: cold_for says for whom nothing is warm; add warm, or leave it out")
    if stage.stand_in and not stage.warm:
        line = _line_of(text, f"field `stand_in` at `$.{name}`")
        raise ConfigError(f"{file}{line}: stand_in says what a warm start needs; add warm, or leave it out")


def _check(file_name: str, text: str, parsed: RuntimeFile) -> None:
    """Check what types cannot say."""
    if (parsed.compile is None) != (parsed.limits.compile is None):
        raise ConfigError(f"{file_name}: [compile] and [limits.compile] come together or not at all")
    if not _VERSION.fullmatch(parsed.version) and (parsed.version or parsed.root == TREE):
        line = _line_of(text, "field `version`")
        raise ConfigError(
            f'{file_name}:{line}: a runtime of the tree states its version, such as version = "3.13"; '
            f"got {parsed.version!r}"
        )
    for name, stage in (("run", parsed.run), ("compile", parsed.compile)):
        if stage is not None:
            _check_warm(f"{file_name}:", text, name, stage)
    if re.compile(parsed.version_pattern).groups != 1:
        line = _line_of(text, "field `version_pattern`")
        raise ConfigError(f"{file_name}:{line}: version_pattern needs exactly one group")
    for reason in parsed.reasons:
        use, _, field = reason.partition(".")
        limits = getattr(parsed.limits, use, None)
        if not hasattr(limits, field):
            line = _line_of(text, f"field `{reason}` at `$.reasons`")
            raise ConfigError(f"{file_name}:{line}: a reason for {reason!r}, which is no limit here")


def _line_of(text: str, message: str) -> int:
    """Find the line that a complaint is about: the key that it names, in the table that it names."""
    key = match["key"] if (match := _KEY_IN_MESSAGE.search(message)) else ""
    path = match["path"].strip(".").split(".") if (match := _PATH_IN_MESSAGE.search(message)) else []
    table = [part.split("[")[0] for part in path if part]
    if not key and table:
        key = table.pop()
    current: list[str] = []
    best = 1
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line.strip()):
            current = header["name"].split(".")
            if current in (table, [*table, key]):
                best = number
        elif current == table and re.match(rf'"?{re.escape(key)}"?\s*=', line.strip()):
            return number
    return best
