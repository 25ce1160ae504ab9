"""The roots that cells can have, one spawner each: started when first used, replaced, retired."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from cellblock.errors import HostError
from cellblock.sandbox.features import HostFeatures
from cellblock.sandbox.seccomp import Filters, build_filters
from cellblock.sandbox.spawner import Spawner
from cellblock.sandbox.template import Root, build_template

_LIBEXEC = Path(sys.prefix, "libexec", "cellblock")
HELPER = _LIBEXEC / "cellblock-cell"
_PRELOAD = _LIBEXEC / "cellblock-warm.so"


class _Post:
    """One root's spawner and how many cells it has."""

    def __init__(self, root: Root) -> None:
        self.root = root
        self.spawner: Spawner | None = None
        self.lock = asyncio.Lock()
        self.cells = 0
        self.retired = False

    def close(self) -> None:
        if self.spawner:
            self.spawner.close()
            self.spawner = None


class Roots:
    """Every root by name."""

    def __init__(self, program_uids: list[int], hostname: str, kernel: Callable[[], HostFeatures]) -> None:
        """Build roots whose passwd knows ``program_uids``, by what ``kernel`` says that there is."""
        self._program_uids = program_uids
        self._hostname = hostname
        self._kernel = kernel
        self._posts: dict[str, _Post] = {}
        self._retired: set[_Post] = set()

    @property
    def names(self) -> tuple[str, ...]:
        """The roots that there are."""
        return tuple(self._posts)

    @property
    def filters(self) -> Filters:
        """What every cell here is held by."""
        return build_filters(notify=self._kernel().seccomp_notify)

    def layers(self, name: str, wanted: Collection[str] | None) -> tuple[str, ...]:
        """Return what a cell lays over: the mounts of that root, of the further ones those ``wanted``."""
        post = self._posts.get(name)
        return post.root.layers(wanted) if post else ()

    def replace(self, roots: Mapping[str, Root]) -> bool:
        """Have exactly ``roots`` from now on; cells of a changed root live on until they end.

        Returns whether anything has changed.
        """
        before = {name: post.root for name, post in self._posts.items()}
        for name, post in list(self._posts.items()):
            if roots.get(name) != post.root:
                del self._posts[name]
                self._retire(post)
        for name, root in roots.items():
            self._posts.setdefault(name, _Post(root))
        return before != roots

    @asynccontextmanager
    async def use(self, name: str) -> AsyncIterator[Spawner]:
        """Lend the root's spawner for the life of one cell.

        Raises ``HostError`` for a root that there is not and ``SandboxError`` for one that cannot be built.
        """
        post = self._posts.get(name)
        if post is None:
            raise HostError(f"no root named {name!r}; there are: {', '.join(self._posts) or 'none'}")
        post.cells += 1
        try:
            yield await self._living_spawner(post)
        finally:
            post.cells -= 1
            if post.retired:
                self._retire(post)

    def close(self) -> None:
        """End every spawner, and with them every cell."""
        for post in [*self._posts.values(), *self._retired]:
            post.close()
        self._posts.clear()
        self._retired.clear()

    async def _living_spawner(self, post: _Post) -> Spawner:
        async with post.lock:
            if post.spawner is None or post.spawner.ended.is_set():
                post.close()
                kernel = self._kernel()
                template = build_template(
                    post.root,
                    self._program_uids,
                    self._hostname,
                    _read_preload(),
                    makes_nodes=kernel.makes_nodes,
                    shows_proc=kernel.in_user_namespace,
                )
                post.spawner = await Spawner.start(HELPER, template, self.filters, kernel.clone_flags)
            return post.spawner

    def _retire(self, post: _Post) -> None:
        post.retired = True
        self._retired.add(post)
        if post.cells == 0:
            post.close()
            self._retired.discard(post)


def _read_preload() -> bytes:
    try:
        return _PRELOAD.read_bytes()
    except OSError as error:
        raise HostError(f"cannot read {_PRELOAD}: {error}; run: make setup") from error
