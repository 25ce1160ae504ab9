"""Installing: from what is wanted and what is there to what has to be got, and getting it.

The tree comes first, then the components, those that take long last; after each the state is switched, so
a language can be used as soon as everything that it needs is there.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
from msgspec import Struct

from cellblock.errors import HostError
from cellblock.languages.catalog_file import RuntimeFile
from cellblock.languages.installed import (
    State,
    component_dir,
    component_manifest,
    installed_root,
    tree_dir,
    tree_manifest,
)
from cellblock.languages.needs import Need, component_hash
from cellblock.toolchains import components, mirrors, registries, tree
from cellblock.toolchains.packages import PackageSource, Resolution
from cellblock.toolchains.place import Place
from cellblock.toolchains.reporting import MB, Reporter, Sizes
from cellblock.toolchains.wanted import (
    HOST,
    Wanted,
    components_of,
    packages_of,
    required_components_of,
)

_SPARE_BYTES = 200 * MB
"""Left free on the file system."""


class Missing(Struct, frozen=True):
    """What has to be got before all of a selection is there."""

    packages: frozenset[str]
    """Debian packages that the tree does not hold."""
    tree: bool
    """Whether a tree has to be built at all."""
    components: tuple[Need, ...]

    def __bool__(self) -> bool:
        return self.tree or bool(self.components)

    @property
    def is_required(self) -> bool:
        """Whether anything does not work before it is there; the rest only makes things faster."""
        return self.tree or any(need.is_required for need in self.components)


def missing(place: Place, wanted: Wanted, runtimes: Iterable[RuntimeFile]) -> Missing:
    """Compare what these runtimes need with what is installed; reads a few small files."""
    in_tree = [runtime for runtime in runtimes if runtime.root != HOST]
    state = place.state()
    manifest = tree_manifest(place.path, state.tree) if state else None
    packages = packages_of(in_tree)
    if manifest and manifest.recipe == tree.RECIPE:
        packages -= frozenset(manifest.requested)
        needs_tree = bool(packages)
    else:
        needs_tree = bool(in_tree)
    named = components_of(in_tree)
    return Missing(
        packages=packages,
        tree=needs_tree,
        components=tuple(
            need
            for name, need in wanted.components.items()
            if name in named
            and not (_has_component(place, state, need) and (need.is_fetched or not needs_tree))
        ),
    )


class Installation:
    """One run of ``install``."""

    def __init__(
        self, place: Place, wanted: Wanted, mirror: str, reporter: Reporter, on_ready: Callable[[], None]
    ) -> None:
        """``mirror`` is the setting; ``on_ready`` is called whenever more can be used than before."""
        self._place = place
        self._wanted = wanted
        self._mirror = mirror
        self._reporter = reporter
        self._on_ready = on_ready

    def install(self, runtimes: Sequence[RuntimeFile], *, upgrade: bool = False) -> bool:
        """Bring everything that ``runtimes`` need; returns whether anything had to be done.

        ``upgrade`` also takes what Debian has in newer versions. Raises ``HostError``.
        """
        if not upgrade and not missing(self._place, self._wanted, runtimes):
            return False
        with self._place.locked(self._say_who_installs), _readable_errors(self._place.path):
            # What another installation has brought meanwhile need not be brought again.
            todo = missing(self._place, self._wanted, runtimes)
            if upgrade or todo:
                self._bring(runtimes, upgrade=upgrade)
            return upgrade or bool(todo)

    def _bring(self, asked: Sequence[RuntimeFile], *, upgrade: bool) -> None:
        source = resolution = None
        runtimes = self._with_installed(asked)
        todo = self._todo(asked, runtimes)
        packages = packages_of(runtimes)
        if todo.tree or upgrade:
            with self._reporter.step(f"Debian {tree.SUITE}: what there is"):
                sources = mirrors.sources_for(tree.SUITE, self._mirror)
                source = PackageSource(self._place.apt, sources)
                resolution = source.resolve(packages)
        self._reporter.agree(self._sizes(todo, resolution))
        if source and resolution:
            self._bring_tree(packages, source, resolution)
        builder = components.ComponentBuilder(self._place, _npm_carrier(self._wanted.components.values()))
        failed = []
        todo = self._todo(asked, runtimes)  # the tree may be another one now
        for need in sorted(todo.components, key=lambda need: (bool(need.prepare), need.is_fetched)):
            try:
                self._bring_component(need, builder)
            except HostError as error:  # the others may be had all the same
                self._reporter.say(str(error))
                if need.is_required:
                    failed.append(need.name)
                else:
                    self._reporter.say(f"what it is for works without {need.name}, only slower")
        if failed:
            raise HostError(f"not installed: {', '.join(failed)}; the reasons stand above")
        self._place.discard(self._place.downloads)
        self._verify(runtimes)

    def _todo(self, asked: Sequence[RuntimeFile], served: Sequence[RuntimeFile]) -> Missing:
        """Return what is missing of what was asked for, and what the tree makes for all that it serves."""
        todo = missing(self._place, self._wanted, asked)
        made = (need for need in missing(self._place, self._wanted, served).components if not need.is_fetched)
        components = {need.name: need for need in (*todo.components, *made)}
        return msgspec.structs.replace(todo, components=tuple(components.values()))

    def _bring_tree(self, packages: Iterable[str], source: PackageSource, resolution: Resolution) -> None:
        found = tree.tree_hash(packages, resolution)
        state = self._place.state()
        if tree_manifest(self._place.path, found) is None:
            made = self._place.fresh("tree")
            with self._reporter.step(f"Debian {tree.SUITE}: {len(resolution.packages)} packages") as advance:
                source.download(packages, self._place.work / "status", advance)
            with self._reporter.step(f"Debian {tree.SUITE}: tree") as advance:
                manifest = tree.build(made, packages, resolution, source, advance)
            self._place.publish(made, manifest, tree_dir(self._place.path, found))
        elif state and state.tree == found:
            self._reporter.say("Debian has nothing newer")
        self._switch(found, state.components if state else {})
        self._place.discard(self._place.apt)
        self._reporter.ready("Debian tree")
        self._on_ready()

    def _bring_component(self, need: Need, builder: components.ComponentBuilder) -> None:
        root = installed_root(self._place.path)
        if root is None:
            raise HostError(f"the tree below {self._place.path} was removed meanwhile: install again")
        made = self._place.fresh("component")
        found = component_hash(need, root.state.tree)
        with self._reporter.step(need.name) as advance:
            manifest = builder.build(made, need, found, root.tree, advance)
        self._place.publish(made, manifest, component_dir(self._place.path, need.name, manifest.hash))
        self._switch(root.state.tree, {**root.state.components, need.name: manifest.hash})
        self._reporter.ready(need.name)
        self._on_ready()

    def _switch(self, tree_hash: str, component_hashes: dict[str, str]) -> None:
        wanted = self._wanted.components
        known = {
            name: found
            for name, found in component_hashes.items()
            if name in wanted
            and (wanted[name].is_fetched or found == component_hash(wanted[name], tree_hash))
        }
        self._place.switch(State(tree=tree_hash, components=known))

    def _with_installed(self, runtimes: Sequence[RuntimeFile]) -> list[RuntimeFile]:
        """Return what the tree is to serve in the end: those runtimes, and those that it served before."""
        asked = {runtime.id for runtime in runtimes}
        state = self._place.state()
        manifest = tree_manifest(self._place.path, state.tree) if state else None

        def was_served(runtime: RuntimeFile) -> bool:
            return (
                state is not None
                and manifest is not None
                and packages_of([runtime]) <= set(manifest.requested)
                and required_components_of([runtime]) <= set(state.components)
            )

        in_tree = (runtime for runtime in self._wanted.runtimes if runtime.root != HOST)
        return [runtime for runtime in in_tree if runtime.id in asked or was_served(runtime)]

    def _sizes(self, todo: Missing, resolution: Resolution | None) -> Sizes:
        sizes = Sizes(
            download_bytes=sum(need.download_mb for need in todo.components) * MB
            + (resolution.download_bytes if resolution else 0),
            disk_bytes=sum(need.disk_mb for need in todo.components) * MB
            + (resolution.disk_bytes if resolution else 0),
            free_bytes=self._place.free_bytes(),
        )
        if sizes.free_bytes < sizes.disk_bytes + sizes.download_bytes + _SPARE_BYTES:
            raise HostError(
                f"not enough room below {self._place.path}: {sizes}. "
                "Free some, or set CELLBLOCK_TOOLCHAIN_DIR"
            )
        return sizes

    def _verify(self, runtimes: Sequence[RuntimeFile]) -> None:
        """Check that the root holds what the runtimes are started by."""
        root = installed_root(self._place.path)
        for runtime in runtimes:
            if root is None or root.inside(runtime.executable) is None:
                raise HostError(
                    f"{runtime.title}: everything that its language file needs is installed, but "
                    f"{runtime.executable} is not among it: mend the file of {runtime.id}"
                )

    def _say_who_installs(self, pid: str) -> None:
        self._reporter.say(f"another installation (pid {pid or 'unknown'}) is running; waiting for its end")


def _has_component(place: Place, state: State | None, need: Need) -> bool:
    if state is None:
        return False
    found = component_hash(need, state.tree)
    return (
        state.components.get(need.name) == found
        and component_manifest(place.path, need.name, found) is not None
    )


def _npm_carrier(described: Iterable[Need]) -> Need | None:
    return next(
        (need for need in described if need.pypi and need.pypi[0].split("==")[0] == registries.NPM_CARRIER),
        None,
    )


@contextmanager
def _readable_errors(path: Path) -> Iterator[None]:
    """Turn what the file system refuses into an error that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise HostError(f"the disk below {path} is full: free some room and install again") from error
        raise HostError(
            f"{error.filename or path}: {error.strerror}; install again once that is mended"
        ) from error
