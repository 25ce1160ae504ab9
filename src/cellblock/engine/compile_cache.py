"""Programs that were compiled before, so that equal ones need no compiler.

Equal is what is equal in everything that a compiler can see: the toolchain, its command, environment and
limits, the name, content and order of every source file; and the tenant, because a hit is quick, and who may
hit what others compiled learns what they sent. Only what succeeded and was then executed is kept, as bytes in
this process's memory: on no disk, in no directory, gone when the process is. A hit has a file system of its
own made of it (``sandbox.artifact``), so no run can change what the next one gets.

Two equal programs at the same time are both compiled. Having one wait for the other would tie its time, and
what becomes of it when the other is cancelled or lost, to somebody else's run.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
from collections import OrderedDict
from collections.abc import Callable

import msgspec
from msgspec import Struct

from cellblock.engine.installation import Installation
from cellblock.engine.outcome import Compiled
from cellblock.languages.registry import Plan, Runtime
from cellblock.model import CompileCacheUse
from cellblock.sandbox.artifact import Artifact, UnfitArtifactError, mount_copy, take_copy, why_no_mounts

_LARGEST_SHARE = 8
"""One entry may take this part of the cache: a large one must not turn all others out."""
_ENTRY_BYTES = 16 * 1024
"""Counted for each entry besides its content: what it takes to remember it, and its last page."""
_PAIR_BYTES = 120
"""Of a report's ``output_order``."""

log = logging.getLogger(__name__)


class Key(Struct, frozen=True, kw_only=True):
    """What an entry is found by, and what must still hold when it is kept."""

    digest: bytes
    toolchain: str
    runtime: Runtime
    work_area_bytes: int
    work_area_inodes: int


class Hit(Struct, frozen=True, kw_only=True):
    """What an equal compilation came to."""

    compiled: Compiled
    out_fd: int
    """A detached mount of what it left, the caller's to close."""


class _Entry(Struct, frozen=True, kw_only=True):
    compiled: Compiled
    artifact: Artifact

    @property
    def size_bytes(self) -> int:
        report = self.compiled.report
        output_bytes = len(report.stdout) + len(report.stderr) + len(report.output_order) * _PAIR_BYTES
        return self.artifact.size_bytes + output_bytes + _ENTRY_BYTES


class CompileCache:
    """One engine's. Least recently used entries go first. For one event loop."""

    def __init__(self, most_bytes: int, installation: Installation, *, shared: bool = False) -> None:
        """Keep at most ``most_bytes``, 0 for nothing; ``shared``: of all tenants together."""
        self.on_change: Callable[[], None] = lambda: None
        """Called when ``size_bytes`` has changed."""
        self.size_bytes = 0
        self._most_bytes = most_bytes
        self._installation = installation
        self._shared = shared
        self._entries: OrderedDict[bytes, _Entry] = OrderedDict()
        self._copying = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._was_tried = False

    def key(self, runtime: Runtime, plan: Plan, tenant: str | None) -> Key | None:
        """Return what the plan's compilation is known by; ``None`` where it is not for the cache.

        That is without a tenant, with the cache off, and for a runtime of the host's own root, whose
        compiler may become another one at any time without our knowing.
        """
        toolchain = self._installation.toolchain(runtime)
        if plan.compile is None or tenant is None or toolchain is None or not self._most_bytes:
            return None
        command = plan.compile
        # Every part is preceded by its length, so no two different lists are the same bytes.
        parts = msgspec.msgpack.encode(
            (
                "" if self._shared else tenant,
                toolchain,
                runtime.id,
                command.argv,
                sorted(command.environment.items()),
                command.limits,
                [(file.name, file.content) for file in plan.files],
            )
        )
        return Key(
            digest=hashlib.sha256(parts).digest(),
            toolchain=toolchain,
            runtime=runtime,
            work_area_bytes=command.limits.work_area_bytes,
            work_area_inodes=command.limits.work_area_inodes,
        )

    async def take(self, key: Key | None) -> Hit | None:
        """Return what is kept for the key, ``None`` where nothing is."""
        entry = self._entries.get(key.digest) if key else None
        if key is None or entry is None:
            return None
        self._entries.move_to_end(key.digest)
        try:
            return Hit(compiled=entry.compiled, out_fd=await mount_copy(entry.artifact))
        except OSError as error:
            log.warning("a compiled program could not be mounted, it is compiled again: %s", error)
            return None

    def keep(self, key: Key | None, compiled: Compiled, out_fd: int) -> None:
        """Have what lies at the mount ``out_fd`` copied, beside everything else; the caller closes its own.

        To be called when it was seen that the program can be executed.
        """
        if key is None or not self._most_bytes or key.digest in self._entries:
            return
        try:
            own_fd = os.dup(out_fd)
        except OSError as error:
            log.warning("a compiled program is not kept: %s", error)
            return
        task = asyncio.create_task(self._keep(key, compiled, own_fd), name="compile-cache")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: os.close(own_fd))  # also of a task that never began

    async def settled(self) -> None:
        """Return when nothing is being copied."""
        await asyncio.gather(*self._tasks)

    async def close(self) -> None:
        """Let go of everything."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._most_bytes = 0
        self._make_room(0)

    async def _keep(self, key: Key, compiled: Compiled, out_fd: int) -> None:
        try:
            async with self._copying:  # one at a time: so many bytes more than are kept, and no others
                if key.digest in self._entries or not self._can_mount():
                    return
                artifact = await take_copy(
                    out_fd,
                    most_bytes=self._most_bytes // _LARGEST_SHARE,
                    work_area_bytes=key.work_area_bytes,
                    work_area_inodes=key.work_area_inodes,
                )
        except (UnfitArtifactError, OSError) as error:
            log.debug("a compiled program is not kept: %s", error)
            return
        again = msgspec.structs.replace(compiled.evidence, cache=CompileCacheUse.HIT)
        self._put(key, _Entry(compiled=msgspec.structs.replace(compiled, evidence=again), artifact=artifact))

    def _put(self, key: Key, entry: _Entry) -> None:
        # Other toolchains may have been installed between the key and the compiler's cell.
        if self._installation.toolchain(key.runtime) != key.toolchain:
            return
        if entry.size_bytes > self._most_bytes // _LARGEST_SHARE:
            return
        self._make_room(entry.size_bytes)
        self._entries[key.digest] = entry
        self.size_bytes += entry.size_bytes
        self.on_change()

    def _make_room(self, size_bytes: int) -> None:
        while self._entries and self.size_bytes + size_bytes > self._most_bytes:
            _, oldest = self._entries.popitem(last=False)
            self.size_bytes -= oldest.size_bytes

    def _can_mount(self) -> bool:
        """Say whether a hit could be had here; where not, the cache is off from now on."""
        if not self._was_tried:
            self._was_tried = True
            if reason := why_no_mounts():
                log.warning("the compile cache is off, no file system can be made here: %s", reason)
                self._most_bytes = 0
        return self._most_bytes > 0
