"""Flags that come from the settings table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click

from cellblock import config
from cellblock.config import SETTINGS, Setting

Command = Callable[..., Any]


def settings_options(*, for_cells: bool = False, only: Sequence[str] = ()) -> Callable[[Command], Command]:
    """Give a command the table's flags and pass it the resolved ``settings``.

    ``for_cells`` leaves out what only matters to the HTTP service; ``only`` names the few to take.
    """
    rows = [
        setting
        for setting in SETTINGS
        if setting.name in only or (not only and (setting.for_cells or not for_cells))
    ]

    def decorate(command: Command) -> Command:
        def with_settings(**arguments: Any) -> Any:
            flags = {row.name: text for row in rows if (text := arguments.pop(row.name)) is not None}
            return command(settings=config.load(flags), **arguments)

        with_settings.__doc__ = command.__doc__
        with_settings.__name__ = command.__name__
        with_settings.__click_params__ = getattr(command, "__click_params__", [])  # type: ignore[attr-defined]
        for row in reversed(rows):
            with_settings = _option(row)(with_settings)
        return with_settings

    return decorate


def default_text(setting: Setting) -> str:
    """Say what holds where nothing is set."""
    return setting.default_text or str(setting.default)


def _option(setting: Setting) -> Callable[[Command], Command]:
    about = f"[{setting.variable}; default: {default_text(setting)}]"
    if setting.is_switch:
        flags = f"{setting.flag}/{setting.flag.replace('--', '--no-', 1)}"
        return click.option(
            flags, setting.name, default=None, help=f"{setting.help} {about}", callback=_switch_text
        )
    one_word = setting.unit.replace(" ", "").isalpha()
    metavar = setting.unit.upper().replace(" ", "-") if one_word else "VALUE"
    written = "" if one_word else f" Written as {setting.unit}."
    return click.option(setting.flag, setting.name, metavar=metavar, help=f"{setting.help}{written} {about}")


def _switch_text(_context: click.Context, _option: click.Parameter, switch: Any) -> str | None:
    return None if switch is None else str(switch).lower()
