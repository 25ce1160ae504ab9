"""What a submission's main file is called, by the rule that its language file names. Pure functions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath

from msgspec import Struct

from cellblock.languages.java_source import read_unit
from cellblock.model import SourceFile

_LONGEST_NAME_BYTES = 250
_READ_BYTES = 128 << 10
"""How much of a source is read for its name: all others wait meanwhile, up to half a second for each MiB."""


class MainFile(Struct, frozen=True, kw_only=True):
    """The main file as it is placed in the work area."""

    name: str
    """Relative path: the submission's own, or the language's where it gave none."""
    main_class: str = ""
    """What is to be started, where the language starts classes; with its package."""


def name_main_file(rule: str, default_name: str, file: SourceFile) -> MainFile:
    """Apply ``rule``, one of ``RULES``, to a submission's first file; ``KeyError`` for an unknown rule."""
    return RULES[rule](default_name, file)


def _fixed(default_name: str, file: SourceFile) -> MainFile:
    """Use the language's default name, whatever the file says."""
    return MainFile(name=file.name or default_name)


def _java_public_class(default_name: str, file: SourceFile) -> MainFile:
    """Name the file after its public class, else after the class with ``main`` (see ``java_source``)."""
    unit = read_unit(file.content[:_READ_BYTES].decode("utf-8", "replace"))
    named = f"{unit.file_class}.java" if unit.file_class else default_name
    name = file.name or (named if _fits(named) else default_name)
    # A name that the launcher would take for an option or an argument file is no class's either.
    of_the_file = PurePosixPath(name).stem.lstrip("-@")
    main_class = unit.main_class or of_the_file
    qualified = f"{unit.package}.{main_class}" if unit.package else main_class
    return MainFile(name=name, main_class=qualified if _fits(qualified) else of_the_file)


def _fits(name: str) -> bool:
    """Whether ``name`` can be a file's; of a longer one the compiler may say that it is none."""
    return len(name.encode()) <= _LONGEST_NAME_BYTES


RULES: dict[str, Callable[[str, SourceFile], MainFile]] = {
    "fixed": _fixed,
    "java_public_class": _java_public_class,
}
