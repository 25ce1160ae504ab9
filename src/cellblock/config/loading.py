"""From flags, variables, the TOML file and defaults to one frozen ``Settings``."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cellblock.config.kinds import Kind, UnfitError, did_you_mean
from cellblock.config.table import PREFIX, SETTINGS, Setting, Settings, Situation
from cellblock.errors import ConfigError


def load(flags: Mapping[str, str] | None = None, environ: Mapping[str, str] = os.environ) -> Settings:
    """Resolve all settings: flags (by setting name) over variables over the TOML file over defaults.

    Raises ``ConfigError`` for an unknown name or a value that is not of its kind, in any source.
    """
    flags = flags or {}
    _refuse_unknown(flags, [setting.name for setting in SETTINGS], "flag")
    ours = [name for name in environ if name.startswith(PREFIX)]
    _refuse_unknown(ours, [setting.variable for setting in SETTINGS], "environment variable")

    resolved: dict[str, Any] = {}
    file_texts: dict[str, tuple[str, str]] = {}
    for setting in SETTINGS:
        readings = _readings(setting, flags, environ, file_texts)
        if not readings:
            default = setting.default
            text = default if isinstance(default, str) else default(Situation(environ, resolved))
            readings = [(f"default of {setting.variable}", text)]
        values = [_parse(setting.kind, source, text) for source, text in readings]
        value = values[0]
        for nearer in values[1:]:
            value = setting.kind.combine(value, nearer)
        resolved[setting.name] = value
        if setting.name == "config_file" and value is not None:
            file_texts = _read_file(value)
    return Settings(**resolved)


def as_environment(settings: Settings) -> dict[str, str]:
    """Return variables from which ``load`` resolves the same settings, the file's contents included."""
    return {
        setting.variable: setting.kind.render(getattr(settings, setting.name))
        for setting in SETTINGS
        if setting.name != "config_file"
    }


def child_environment(settings: Settings, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the whole environment for a process of ours that is to see exactly these settings."""
    inherited = {name: value for name, value in environ.items() if not name.startswith(PREFIX)}
    return inherited | as_environment(settings)


def _readings(
    setting: Setting,
    flags: Mapping[str, str],
    environ: Mapping[str, str],
    file_texts: Mapping[str, tuple[str, str]],
) -> list[tuple[str, str]]:
    """Return (source, text) wherever the setting is given, the nearest source last."""
    readings = []
    if setting.name in file_texts:
        readings.append(file_texts[setting.name])
    if setting.variable in environ:
        readings.append((setting.variable, environ[setting.variable]))
    if setting.name in flags:
        readings.append((setting.flag, flags[setting.name]))
    return readings


def _parse(kind: Kind, source: str, text: str) -> Any:
    try:
        return kind.parse(text)
    except UnfitError as error:
        reason = str(error) or f'"{text}" is not {kind.expected}'
        raise ConfigError(f"{source}: {reason}") from None


def _read_file(path: Path) -> dict[str, tuple[str, str]]:
    """Return (source, text) by setting name from a TOML file."""
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is not TOML: {error}") from error
    _refuse_unknown(table, [setting.name for setting in SETTINGS if setting.in_file], f"{path}: key")
    return {name: (f"{path}: {name}", _text_of(f"{path}: {name}", value)) for name, value in table.items()}


def _text_of(source: str, value: object) -> str:
    """Write a TOML value as it would stand in a variable; tables become ``a.b=1,a.c=2``."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | str):
        return str(value)
    if isinstance(value, dict):
        return ",".join(f"{name}={number}" for name, number in _flatten(source, value))
    raise ConfigError(f"{source}: a {type(value).__name__} is no string, whole number or truth value")


def _flatten(source: str, table: Mapping[str, object]) -> Iterable[tuple[str, int]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from ((f"{name}.{rest}", number) for rest, number in _flatten(f"{source}.{name}", value))
        elif isinstance(value, int) and not isinstance(value, bool):
            yield name, value
        else:
            raise ConfigError(f'{source}.{name}: "{value}" is not a whole number')


def _refuse_unknown(names: Iterable[str], known: Sequence[str], what: str) -> None:
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known)
            raise ConfigError(f"{what} {name} is unknown{hint}; `cellblock settings` lists them all")
