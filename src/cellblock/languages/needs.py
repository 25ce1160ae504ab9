"""What has to be installed before a runtime works: the ``[[needs]]`` of a language file.

``docs/languages.md`` describes the format.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence

import msgspec
from msgspec import UNSET, Struct, UnsetType

_EDITION = 2
"""Raised by hand when the same description comes to mean other files."""
_COMPONENT = r"[a-z0-9][a-z0-9.+-]*"
_DEBIAN = r"[a-z0-9][a-z0-9.+-]+"
_PYPI = r"[A-Za-z0-9][A-Za-z0-9._-]*==[0-9][A-Za-z0-9.+!]*"
_NPM = r"(@[a-z0-9][a-z0-9._-]*/)?[a-z0-9][a-z0-9._{}-]*@[0-9][A-Za-z0-9.+-]*"
_INSIDE = r"(?!.*(^|/)\.\.?(/|$))[^/\0][^\0]*"


class Need(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One ``[[needs]]`` entry: Debian packages, a component described, or a component by name only."""

    debian: tuple[str, ...] = ()
    """Packages of the tree."""
    component: str | None = None
    """Seen at ``/opt/<component>``."""
    pypi: tuple[str, ...] = ()
    """One Python package, ``name==version``."""
    npm: tuple[str, ...] = ()
    """npm packages, ``name@version``."""
    sha256: tuple[str, ...] = ()
    """Hex digests of the wheels that may come."""
    integrity: tuple[str, ...] = ()
    """npm's ``sha512-…`` of the tarballs that may come."""
    download_mb: int = 0
    disk_mb: int = 0
    prepare: tuple[tuple[str, ...], ...] = ()
    """Commands to run once, offline, with the component writable."""
    prepare_environment: dict[str, str] = {}
    keep: dict[str, str] = {}
    """Path in the unpacked packages by path in the component."""
    # What is unset is not encoded: descriptions that say nothing of these kept their hashes.
    files: dict[str, str] | UnsetType = UNSET
    """Texts by path in the component, written before it is prepared."""
    optional: bool | UnsetType = UNSET
    """The runtime works without it, only slower."""

    @property
    def name(self) -> str:
        """The component's name; empty where it is about Debian packages."""
        return self.component or ""

    @property
    def is_described(self) -> bool:
        """Whether this entry says where the component comes from."""
        return bool(self.pypi or self.npm or self.prepare)

    @property
    def is_fetched(self) -> bool:
        """Whether it comes from a registry; otherwise it is made by and for one tree."""
        return bool(self.pypi or self.npm)

    @property
    def is_required(self) -> bool:
        """Whether a runtime that names it cannot do without."""
        return not self.optional


def component_hash(component: Need, tree_hash: str) -> str:
    """Identify what a described component is made of: two that differ in anything differ in this.

    What is made by the programs of a tree is another component for another tree.
    """
    parts = [_EDITION, component] if component.is_fetched else [_EDITION, component, tree_hash]
    encoded = msgspec.json.encode(parts, order="deterministic")
    return hashlib.sha256(encoded).hexdigest()[:16]


def check_needs(needs: Sequence[Need]) -> str:
    """Return what is wrong with a file's entries in words; empty where nothing is."""
    for place, need in enumerate(needs, start=1):
        if problem := _problem(need):
            return f"[[needs]] number {place}: {problem}"
    return ""


def _problem(need: Need) -> str:
    if need.debian:
        if need.component or need.is_described:
            return "packages and a component are two entries"
        return _unfit("debian", need.debian, _DEBIAN, "a Debian package")
    if not need.component:
        return "it names neither debian = […] nor component = …"
    if problem := _unfit("component", [need.component], _COMPONENT, "a name of a directory"):
        return problem
    if not need.is_described:
        described = msgspec.structs.replace(need, component=None, optional=UNSET) != Need()
        problem = f"component {need.component} has details but neither pypi, npm nor prepare"
        return problem if described else ""
    return _description_problem(need)


def _description_problem(need: Need) -> str:
    if need.npm and need.pypi:
        return f"component {need.component} comes either from pypi or from npm"
    if len(need.pypi) > 1:
        return f"component {need.component} takes one Python package; make another component of the second"
    if need.pypi and not need.sha256:
        return f"component {need.component} has no sha256 = […] of its wheels"
    if need.npm and not need.integrity:
        return f"component {need.component} has no integrity = […] of its tarballs"
    if need.is_fetched and not need.keep:
        return f"component {need.component} keeps nothing: add [needs.keep]"
    if need.keep and not need.is_fetched:
        return f"component {need.component} has [needs.keep], but no package to keep anything of"
    return (
        _unfit("pypi", need.pypi, _PYPI, "name==version")
        or _unfit("npm", need.npm, _NPM, "name@version")
        or _unfit("sha256", need.sha256, r"[0-9a-f]{64}", "64 hex digits")
        or _unfit("integrity", need.integrity, r"sha512-[A-Za-z0-9+/]{86}==", "sha512- and base64")
        or _unfit("keep", [*need.keep, *need.keep.values()], _INSIDE, "a path inside")
        or _unfit("files", need.files or (), _INSIDE, "a path inside")
        or ("" if all(need.prepare) else "prepare has an empty command")
    )


def _unfit(key: str, values: Iterable[str], pattern: str, expected: str) -> str:
    wrong = next((value for value in values if not re.fullmatch(pattern, value)), None)
    return "" if wrong is None else f'{key}: "{wrong}" is not {expected}'


def fill_in(need: Need, placeholders: Mapping[str, str]) -> Need:
    """Return the description with ``{name}`` replaced in ``npm`` and ``keep``."""

    def fill(text: str) -> str:
        for name, value in placeholders.items():
            text = text.replace(f"{{{name}}}", value)
        return text

    return msgspec.structs.replace(
        need,
        npm=tuple(map(fill, need.npm)),
        keep={place: fill(path) for place, path in need.keep.items()},
    )
