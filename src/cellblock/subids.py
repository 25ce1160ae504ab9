"""What an ordinary user has of uids and gids beside his own: ``/etc/subuid`` and ``/etc/subgid``.

Two users who were given the same ones could signal and read each other's programs. ``usermod`` does
not look whether a range is somebody's, so the range that is named to an operator is looked up here.
"""

from __future__ import annotations

import pwd
import shutil
from collections.abc import Collection
from pathlib import Path

from msgspec import Struct

TOOLS = {Path("/etc/subgid"): "newgidmap", Path("/etc/subuid"): "newuidmap"}
"""What maps the ranges of which file. Groups first: where the tool has mapped them, they may be changed."""

_SIZE = 65_536
"""What Debian gives each user: enough for a tree with files of many users."""
_FIRST = 100_000
"""Where Debian begins."""
_END = 2**31
"""Some programs take larger ones for negative numbers."""


class Range(Struct, frozen=True):
    """One line."""

    owner: str
    """A user, by name or number."""
    first: int
    count: int


def read_ranges(path: Path) -> list[Range]:
    """Read one of the files; lines that no tool would understand are left out."""
    if not path.exists():
        return []
    rows = (line.split(":") for line in path.read_text(encoding="utf-8").splitlines())
    return [
        Range(row[0], int(row[1]), int(row[2]))
        for row in rows
        if len(row) == 3 and row[1].isdecimal() and row[2].isdecimal()  # noqa: PLR2004  # owner, first, count
    ]


def longest_range(path: Path, uid: int) -> tuple[int, int]:
    """Return the longest range that the user has: first, how many."""
    own = (entry for entry in read_ranges(path) if entry.owner in {str(uid), name_of(uid)})
    longest = max(own, key=lambda entry: entry.count, default=Range("", 0, 0))
    return longest.first, longest.count


def name_of(uid: int) -> str:
    """Return the user's name; his number where he has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def lacking(uid: int, count: int) -> list[str]:
    """Name the tools and files without which the user cannot have so many uids and gids of his own."""
    tools = [tool for tool in TOOLS.values() if shutil.which(tool) is None]
    return tools + [str(path) for path in TOOLS if longest_range(path, uid)[1] < count]


def giving(uid: int, what: Collection[str]) -> str:
    """Return root's command that gives the user what is ``lacking``."""
    commands = ["apt-get install uidmap"] if set(what) & set(TOOLS.values()) else []
    if {str(path) for path in TOOLS} & set(what):
        commands.append(_granting(uid, _first_free()))
    return " && ".join(commands)


def _granting(uid: int, first: int) -> str:
    name = name_of(uid)
    files = " ".join(str(path) for path in TOOLS)
    if first + _SIZE > _END:
        return f"make room in {files}: there are no {_SIZE} below {_END} that nobody has"
    if name == str(uid):  # usermod knows users by name only
        return f"echo {uid}:{first}:{_SIZE} | tee -a {files}"
    block = f"{first}-{first + _SIZE - 1}"
    return f"usermod --add-subuids {block} --add-subgids {block} {name}"


def _first_free() -> int:
    """Return where a range begins that nobody has, neither of uids nor of gids."""
    first = _FIRST
    for entry in sorted(
        (entry for path in TOOLS for entry in read_ranges(path)), key=lambda each: each.first
    ):
        if first + _SIZE <= entry.first:
            break
        first = max(first, entry.first + entry.count)
    return first
