"""Zygotes: interpreters that have booted and are forked into cells.

A zygote is of a root's own files and has seen nothing of any submission. What cannot be renewed after a
fork, its hash seed and its address layout, is shared by all of its programs: so it is replaced after a
bounded number of them and of minutes.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager

from cellblock.errors import SandboxError
from cellblock.sandbox.requests import zygote_request
from cellblock.sandbox.roots import Roots
from cellblock.sandbox.shapes import CellShape, Warm
from cellblock.sandbox.spawner import Spawner

log = logging.getLogger(__name__)

_RUNS_MAX = 200
_AGE_MAX_S = 600.0
_LIVING_MAX = 8
"""Kinds are as many as there are runtimes and stack limits, which are the operator's."""
_RETRY_S = 30.0
"""How long after a failed start the next is tried."""

_Key = tuple[str, Warm, int]
"""Root, runtime, and the stack limit, by which an address space is laid out."""


class Zygote:
    """One booted interpreter."""

    def __init__(self, spawner: Spawner, resources: AsyncExitStack) -> None:
        """Own ``resources``, which end with it."""
        self.spawner = spawner
        self._resources = resources
        self._born_s = time.monotonic()
        self._runs = 0
        self._cells = 0
        self._is_retired = False

    @property
    def usable_until_s(self) -> float:
        """When it is too old for a program to begin in it, as ``time.monotonic`` has it."""
        return self._born_s + _AGE_MAX_S

    @property
    def is_old(self) -> bool:
        """Whether no program may begin in it any more."""
        return time.monotonic() > self.usable_until_s

    @property
    def is_used_up(self) -> bool:
        """Whether another has to take its place."""
        return self.is_old or self._runs >= _RUNS_MAX or self.spawner.ended.is_set()

    @asynccontextmanager
    async def use(self) -> AsyncIterator[Zygote]:
        """Keep it alive for the life of one cell."""
        self._cells += 1
        self._runs += 1
        try:
            yield self
        finally:
            self._cells -= 1
            await self._end_if_unused()

    async def retire(self) -> None:
        """Have it end with the last of its cells."""
        self._is_retired = True
        await self._end_if_unused()

    async def _end_if_unused(self) -> None:
        if self._is_retired and self._cells == 0:
            await self._resources.aclose()


class _Place:
    """Where the zygotes of one key follow each other."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.zygote: Zygote | None = None
        self.failed_s = -_RETRY_S


class Zygotes:
    """The zygotes of one host, started when first asked for; those asked for lately live."""

    def __init__(self, roots: Roots) -> None:
        """Start them in ``roots``."""
        self._roots = roots
        self._places: OrderedDict[_Key, _Place] = OrderedDict()

    @asynccontextmanager
    async def use(self, shape: CellShape) -> AsyncIterator[Zygote]:
        """Lend the zygote for cells of ``shape``; raises ``SandboxError`` where none can be had now."""
        if shape.warm is None:
            raise SandboxError("zygote", detail="the shape asks for none")
        key = _key(shape, shape.warm)
        place = self._places.setdefault(key, _Place())
        self._places.move_to_end(key)
        await self._end_those_over()
        async with place.lock:
            zygote = await self._living_zygote(place, key)
            lent = zygote.use()
            await lent.__aenter__()  # before the lock is free: else it could be retired in between
        try:
            if self._places.get(key) is not place:  # given up while it started: it serves this one cell
                await zygote.retire()
            yield zygote
        finally:
            await lent.__aexit__(None, None, None)

    def has(self, shape: CellShape) -> bool:
        """Say whether one is there already for cells of ``shape``.

        One that is old is none: a warm start would tell who comes after hours that somebody came before.
        """
        place = self._places.get(_key(shape, shape.warm)) if shape.warm else None
        return place is not None and place.zygote is not None and not place.zygote.is_old

    async def retire_all(self) -> None:
        """Have every zygote end with its last cell: roots have changed."""
        places = list(self._places.values())
        self._places.clear()
        await _retire(places)

    async def _end_those_over(self) -> None:
        over = [self._places.popitem(last=False)[1] for _ in range(len(self._places) - _LIVING_MAX)]
        await _retire(over)

    async def _living_zygote(self, place: _Place, key: _Key) -> Zygote:
        if place.zygote is not None and place.zygote.is_used_up:
            used_up, place.zygote = place.zygote, None
            await used_up.retire()
        if place.zygote is None:
            if time.monotonic() - place.failed_s < _RETRY_S:
                raise SandboxError("zygote", detail="its last start has failed")
            try:
                place.zygote = await self._start(key)
            except SandboxError as error:
                place.failed_s = time.monotonic()
                log.warning("no zygote of %s: %s", key[1].argv[0], error)
                raise
        return place.zygote

    async def _start(self, key: _Key) -> Zygote:
        root, warm, stack_bytes = key
        async with AsyncExitStack() as resources:
            parent = await resources.enter_async_context(self._roots.use(root))
            said_fd, stderr_fd = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
            resources.callback(os.close, said_fd)
            try:
                spawner = await parent.start_zygote(
                    zygote_request(warm, stack_bytes), stderr_fd, self._roots.filters
                )
            except SandboxError as error:
                said = _read_what_was_said(said_fd)
                detail = ": ".join(part for part in (error.detail, said) if part)
                raise SandboxError(error.step, error.errno, detail) from error
            finally:
                os.close(stderr_fd)
            resources.callback(spawner.close)
            return Zygote(spawner, resources.pop_all())


async def _retire(places: Iterable[_Place]) -> None:
    for place in places:
        if place.zygote is not None:
            await place.zygote.retire()


def _key(shape: CellShape, warm: Warm) -> _Key:
    return (shape.root, warm, shape.limits.stack_bytes)


def _read_what_was_said(fd: int) -> str:
    try:
        return os.read(fd, 2000).decode(errors="replace").strip()
    except BlockingIOError:
        return ""
