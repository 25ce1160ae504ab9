"""What toolchains are installed in a directory: the tree that cells see as their root, and components.

Reading only; ``cellblock languages install`` writes. ``installed.json`` is the one statement of what holds,
replaced as a whole, so a reader sees the old state or the new one. Layout::

    installed.json               hashes of the tree and of each component that hold now
    trees/<hash>/root            the cells' read-only root
    trees/<hash>/manifest.json   a ``TreeManifest``
    components/<name>-<hash>/    likewise: ``files`` (seen at /opt/<name>) and ``manifest.json``
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
from msgspec import Struct

from cellblock.errors import HostError

MOUNTED_BELOW = Path("/opt")
"""Where cells see components."""
_MOST_LINKS = 40


class State(Struct, frozen=True, kw_only=True):
    """``installed.json``."""

    tree: str
    """Hash of the tree."""
    components: dict[str, str] = {}
    """Hash by name."""


class TreeManifest(Struct, frozen=True, kw_only=True):
    """What a tree is made of."""

    hash: str
    suite: str
    requested: tuple[str, ...]
    """Packages that the languages named; the rest came as their dependencies."""
    packages: dict[str, str]
    """Version by package."""
    recipe: dict[str, str]
    """How it was built, as far as that changes what is in it."""
    disk_bytes: int
    built_at: str
    """RFC 3339."""


class ComponentManifest(Struct, frozen=True, kw_only=True):
    """What a component is made of."""

    name: str
    hash: str
    packages: tuple[str, ...]
    """As the language file names them."""
    disk_bytes: int
    built_at: str
    """RFC 3339."""


class InstalledRoot(Struct, frozen=True, kw_only=True):
    """One complete root: a tree and the components beside it."""

    tree: Path
    """The root file system."""
    components: dict[str, Path]
    """The directory that is seen at ``/opt/<name>``, by name."""
    state: State

    @property
    def fingerprint(self) -> str:
        """Identify all of it."""
        return self.fingerprint_of(self.components)

    def fingerprint_of(self, components: Iterable[str]) -> str:
        """Identify the tree together with some of the components; one that is not there counts as such."""
        parts = [
            self.state.tree,
            *(f"{name}={self.state.components.get(name)}" for name in sorted(components)),
        ]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]

    def inside(self, path: str) -> Path | None:
        """Return where an absolute path of the cell lies on the host; ``None`` where nothing is there.

        Links are followed as the cell would follow them, so none leads out of the root.
        """
        place = Path(path)
        for _ in range(_MOST_LINKS):
            resolved = self._without_links(place)
            if isinstance(resolved, Path):
                host_path = self._on_host(resolved)
                return host_path if host_path.exists() else None
            place = Path(resolved)
        return None

    def _on_host(self, place: Path) -> Path:
        for name, directory in self.components.items():
            mounted = MOUNTED_BELOW / name
            if place == mounted or mounted in place.parents:
                return directory / place.relative_to(mounted)
        return self.tree / place.relative_to("/")

    def _without_links(self, place: Path) -> Path | str:
        """Return the path where no part of it is a link, else the text of the path with one replaced."""
        walked = Path("/")
        parts = place.parts[1:]
        for number, part in enumerate(parts):
            if part == "..":
                walked = walked.parent
                continue
            step = self._on_host(walked / part)
            if step.is_symlink():
                rest = parts[number + 1 :]
                return str((walked / step.readlink()).joinpath(*rest))
            walked /= part
        return walked


class HeldRoot:
    """An installed root that stays on disk until it is closed, whatever is installed meanwhile."""

    def __init__(self, root: InstalledRoot, descriptors: list[int]) -> None:
        """Own the locked ``descriptors``."""
        self.root = root
        self._descriptors = descriptors

    def close(self) -> None:
        """Let it be removed."""
        while self._descriptors:
            os.close(self._descriptors.pop())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def installed_root(toolchain_dir: Path) -> InstalledRoot | None:
    """Return what is installed, ``None`` where nothing is; raises ``HostError`` where it cannot be read."""
    state = read_state(toolchain_dir)
    if state is None:
        return None
    return InstalledRoot(
        tree=tree_dir(toolchain_dir, state.tree) / "root",
        components={
            name: component_dir(toolchain_dir, name, component_hash) / "files"
            for name, component_hash in state.components.items()
        },
        state=state,
    )


def hold_installed_root(toolchain_dir: Path) -> HeldRoot | None:
    """Return what is installed and keep it from being removed; otherwise as ``installed_root``."""
    while (root := installed_root(toolchain_dir)) is not None:
        descriptors: list[int] = []
        try:
            for directory in (root.tree, *root.components.values()):
                descriptor = os.open(directory.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                descriptors.append(descriptor)
                fcntl.flock(descriptor, fcntl.LOCK_SH)
        except OSError as error:
            _close(descriptors)
            if read_state(toolchain_dir) == root.state:
                raise HostError(
                    f"{error.filename or toolchain_dir} is missing or closed although it is installed "
                    f"({error.strerror}): remove {toolchain_dir / 'installed.json'} and install again"
                ) from error
            continue
        # What was replaced before the locks were taken may be gone; what holds now is not removed.
        if read_state(toolchain_dir) == root.state:
            return HeldRoot(root, descriptors)
        _close(descriptors)
    return None


def read_state(toolchain_dir: Path) -> State | None:
    """Return ``installed.json``, ``None`` where there is none; raises ``HostError``."""
    path = toolchain_dir / "installed.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=State)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:  # garbage may not even be text
        raise HostError(
            f"{path} cannot be read: {error}; remove it and install the languages again"
        ) from error


def tree_manifest(toolchain_dir: Path, tree_hash: str) -> TreeManifest | None:
    """Return the manifest of a complete tree, ``None`` where there is no such tree."""
    with suppress(FileNotFoundError, ValueError):
        text = (tree_dir(toolchain_dir, tree_hash) / "manifest.json").read_bytes()
        return msgspec.json.decode(text, type=TreeManifest)
    return None


def component_manifest(toolchain_dir: Path, name: str, component_hash: str) -> ComponentManifest | None:
    """Return the manifest of a complete component, ``None`` where there is no such component."""
    with suppress(FileNotFoundError, ValueError):
        text = (component_dir(toolchain_dir, name, component_hash) / "manifest.json").read_bytes()
        return msgspec.json.decode(text, type=ComponentManifest)
    return None


def tree_dir(toolchain_dir: Path, tree_hash: str) -> Path:
    """Return where the tree of that hash lies once it is complete."""
    return toolchain_dir / "trees" / tree_hash


def component_dir(toolchain_dir: Path, name: str, component_hash: str) -> Path:
    """Return where the component of that hash lies once it is complete."""
    return toolchain_dir / "components" / f"{name}-{component_hash}"


def _close(descriptors: Iterable[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
