"""What the catalog asks for: every runtime with its needs, every component with its one description."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from importlib import resources

from msgspec import Struct

from cellblock.errors import ConfigError, HostError, RequestRefused
from cellblock.languages.catalog_file import RuntimeFile, parse_runtime_file
from cellblock.languages.needs import Need, check_needs, fill_in

HOST = "host"
EVERYTHING = "all"
_PLACEHOLDERS = {
    "x86_64": {"machine": "x86_64", "npm_arch": "x64", "go_arch": "amd64"},
    "aarch64": {"machine": "aarch64", "npm_arch": "arm64", "go_arch": "arm64"},
}


class Wanted(Struct, frozen=True):
    """The catalog as an installer sees it."""

    runtimes: tuple[RuntimeFile, ...]
    components: dict[str, Need]
    """By name; placeholders are filled in for this machine."""

    @property
    def languages(self) -> tuple[str, ...]:
        """Canonical names, in the catalog's order."""
        return tuple(dict.fromkeys(runtime.language for runtime in self.runtimes))

    def select(self, names: Sequence[str]) -> tuple[RuntimeFile, ...]:
        """Return the runtimes meant by languages' names, aliases, runtimes' ids, or ``all``.

        Raises ``RequestRefused`` that lists what there is for a name that means nothing.
        """
        selected: dict[str, RuntimeFile] = {}
        for name in names:
            found = self._meant_by(name.lower())
            if not found:
                known = ", ".join((*self.languages, *(runtime.id for runtime in self.runtimes)))
                raise RequestRefused(400, f"unknown language: {name}. There are: {EVERYTHING}, {known}")
            selected.update((runtime.id, runtime) for runtime in found)
        return tuple(runtime for runtime in self.runtimes if runtime.id in selected)

    def _meant_by(self, name: str) -> tuple[RuntimeFile, ...]:
        if name == EVERYTHING:
            return self.runtimes
        by_id = tuple(runtime for runtime in self.runtimes if runtime.id == name)
        return by_id or tuple(
            runtime for runtime in self.runtimes if name in {runtime.language, *runtime.aliases}
        )


def packages_of(runtimes: Iterable[RuntimeFile]) -> frozenset[str]:
    """Return every Debian package that these runtimes need in the tree."""
    return frozenset(package for runtime in runtimes for need in runtime.needs for package in need.debian)


def components_of(runtimes: Iterable[RuntimeFile]) -> frozenset[str]:
    """Return the name of every component that these runtimes need."""
    return frozenset(need.component for runtime in runtimes for need in runtime.needs if need.component)


def required_components_of(runtimes: Iterable[RuntimeFile]) -> frozenset[str]:
    """Return those of them without which the runtimes do not work."""
    return frozenset(
        need.component
        for runtime in runtimes
        for need in runtime.needs
        if need.component and need.is_required
    )


def read_catalog(files: Iterable[tuple[str, str]] | None = None, machine: str | None = None) -> Wanted:
    """Read the catalog that ships with the package, or ``files`` as pairs of name and text.

    ``machine`` is the kernel's name of the processor, by default this one's. Raises ``ConfigError`` that
    names the file of an entry that is malformed, or of a component that no file describes, or two do.
    """
    machine = machine or os.uname().machine
    if machine not in _PLACEHOLDERS:
        raise HostError(f"toolchains are known for {', '.join(_PLACEHOLDERS)}, but this machine is {machine}")
    texts = _catalog_files() if files is None else list(files)
    parsed = [(name, parse_runtime_file(name, text)) for name, text in texts]
    runtimes = dict(sorted(parsed, key=lambda pair: pair[1].rank))
    components: dict[str, Need] = {}
    for name, runtime in runtimes.items():
        _check(name, runtime)
        for need in runtime.needs:
            if need.component and need.is_described:
                if need.component in components:
                    raise ConfigError(
                        f"{name}: component {need.component} is described in another file too: name it only"
                    )
                components[need.component] = fill_in(need, _PLACEHOLDERS[machine])
    for name, runtime in runtimes.items():
        if missing := sorted(components_of([runtime]) - set(components)):
            raise ConfigError(f"{name}: no file describes the component {missing[0]}")
    return Wanted(tuple(runtimes.values()), components)


def _check(file_name: str, runtime: RuntimeFile) -> None:
    problem = check_needs(runtime.needs)
    if not problem and runtime.root == HOST and runtime.needs:
        problem = 'a runtime with root = "host" has no [[needs]]: the host has it or not'
    if problem:
        raise ConfigError(f"{file_name}: {problem}")


def _catalog_files() -> list[tuple[str, str]]:
    catalog = resources.files("cellblock.languages").joinpath("catalog")
    entries = sorted(catalog.iterdir(), key=lambda entry: entry.name)
    return [(entry.name, entry.read_text("utf-8")) for entry in entries if entry.name.endswith(".toml")]
