"""This host's part in every cell: the uid lease, the cgroup subtree, the filters, the spawner.

``Host.open`` takes what the host gives and notes what it does not; a probe cell then shows
whether every control really holds. Strict mode runs nothing while anything required is missing.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager

from cellblock.config import Settings
from cellblock.errors import CellblockError, HostError, SandboxError
from cellblock.model import EnforcementMode, IsolationMode, Remedy
from cellblock.sandbox.cell import Cell
from cellblock.sandbox.cgroup_choice import open_tree
from cellblock.sandbox.cgroup_remedies import mount_remedy, subtree_remedy
from cellblock.sandbox.cgroups import CgroupTree, sweep_dead
from cellblock.sandbox.controls import CHECKS
from cellblock.sandbox.features import HostFeatures, inspect_host
from cellblock.sandbox.leases import BLOCK_SIZE, UidBlock, lease_directory, lease_uid_block
from cellblock.sandbox.networks import STEP as OF_NETWORKS
from cellblock.sandbox.networks import NetworkSettings
from cellblock.sandbox.pool import Pool, PreparedCell
from cellblock.sandbox.probe import (
    PROBE,
    as_accepted,
    cell_report,
    check_accepted,
    groups_report,
    no_cell_report,
)
from cellblock.sandbox.roots import Roots
from cellblock.sandbox.shapes import CellShape, CellSpec, How
from cellblock.sandbox.spawner import Spawner
from cellblock.sandbox.template import HOST_ROOT, Root
from cellblock.sandbox.user_namespace import read_id_map
from cellblock.sandbox.zygotes import Zygotes

log = logging.getLogger(__name__)

_UIDS_IN_RESERVE = 4
"""Pairs of uids for cells that are about to end, and for probes."""


class Host:
    """What cells are made from. One a supervisor: ``open`` makes it, ``close`` leaves nothing behind."""

    def __init__(self, settings: Settings, block: UidBlock) -> None:
        """Hold the lease; use ``open``."""
        self.problems: tuple[Remedy, ...] = ()
        """Required features that do not hold, from the last probe."""
        self._accepted: tuple[Remedy, ...] = ()
        """What does not hold, and the operator has said by name that it need not."""
        self._can_make_cells = False
        self._settings = settings
        self._block = block
        self._features: HostFeatures = inspect_host(settings.uid_range)
        self._tree: CgroupTree | None = None
        self._tree_problem = ""
        self._tree_remedy = mount_remedy()
        self._roots = Roots(
            block.program_uids,
            settings.cell_hostname,
            lambda: self._features,
        )
        self._zygotes = Zygotes(self._roots)
        self._networks = NetworkSettings()
        spare_uids = BLOCK_SIZE // 2 - settings.worker_slots - _UIDS_IN_RESERVE
        self._pool = Pool(
            self._prepare, max(0, min(settings.pool_cells_max, spare_uids)), settings.pool_cells_per_shape
        )
        self._cells_made = 0
        self._stuck: list[tuple[Cell, ExitStack]] = []
        """Groups that could not be removed with their cells, and the uids of whatever may be in them."""

    @classmethod
    async def open(cls, settings: Settings, roots: Mapping[str, Root] | None = None) -> Host:
        """Take a uid lease, sweep what a dead holder of it left, and probe.

        ``roots`` are those that cells may have besides the host's own. Raises ``HostError`` only
        where not even a lease can be had; all else is noted in ``problems``.
        """
        check_accepted(settings.accept_missing)
        leases = lease_directory(settings.runtime_dir)
        uids = read_id_map().within(*settings.uid_range)
        block = lease_uid_block(*(uids or settings.uid_range), leases, one_uid=uids is None)
        host = cls(settings, block)
        await host.set_roots(roots or {})
        try:
            tree = open_tree(host._block.instance, leases, settings.cgroup_root)
            # What is there may be of root's service, when we are a user: neither ours to use nor to sweep.
            if any(os.access(path, os.W_OK) for path in tree.paths):
                host._tree = tree
                sweep_dead(tree, leases)
            else:
                host._tree_problem = "; ".join(sorted(set(tree.missing.values())))
                host._tree_remedy = subtree_remedy(tree)
        except HostError as error:
            host._tree_problem = str(error)
        await host.probe()
        return host

    @property
    def instance(self) -> str:
        """This instance's name, which its cgroup subtree bears."""
        return self._block.instance

    @property
    def cgroup_backend(self) -> str | None:
        """``cgroup_v1``, ``cgroup_v2`` or ``None``."""
        return self._tree.backend if self._tree else None

    @property
    def namespace_support(self) -> bool:
        """Whether the kernel gives every kind of namespace."""
        return not self._features.missing_namespaces

    @property
    def isolation_mode(self) -> IsolationMode:
        """What the operator chose."""
        return IsolationMode.PERMISSIVE if self._settings.permissive else IsolationMode.STRICT

    @property
    def enforcement_mode(self) -> EnforcementMode:
        """What that comes to on this host."""
        if not self.problems:
            return EnforcementMode.DEGRADED if self._accepted else EnforcementMode.STRICT
        can_run = self._settings.permissive and self._can_make_cells
        return EnforcementMode.DEGRADED if can_run else EnforcementMode.NONE

    @property
    def waiting_cells(self) -> int:
        """How many cells wait for a job."""
        return self._pool.waiting

    async def set_roots(self, roots: Mapping[str, Root]) -> None:
        """Have these roots, and the host's own, from now on; what runs goes on in what it has."""
        if self._roots.replace({HOST_ROOT: Root(), **roots}):
            self._pool.drop()
            await self._zygotes.retire_all()

    @asynccontextmanager
    async def cell(self, spec: CellSpec) -> AsyncIterator[Cell]:
        """Lend a cell that waits at its gate for ``spec``, and end it afterwards, whatever happens.

        Raises ``HostError`` where nothing may run here and ``SandboxError`` where this cell could
        not be made; in strict mode also where one of its controls does not hold.
        """
        if self.enforcement_mode is EnforcementMode.NONE:
            raise HostError("; ".join(f"{problem.feature}: {problem.detail}" for problem in self.problems))
        with self._pool.run():
            prepared = self._take(spec.shape) or await self._prepare_now(spec.shape)
            try:
                yield prepared.cell
            finally:
                # A cancelled run must not leave its cell; nor may its uids be lent before it is gone.
                await asyncio.shield(prepared.close())

    async def prepare_ahead(self, shape: CellShape) -> None:
        """Have one more cell of this shape wait, as far as cells may; raises where it cannot be made."""
        await self._pool.make_ahead(shape)

    async def probe(self) -> tuple[Remedy, ...]:
        """Look at the host again and make one cell; returns every feature, in the order of a report."""
        self._features = inspect_host(self._settings.uid_range)
        groups = groups_report(self._tree, self._tree_problem, self._tree_remedy)
        above = [*self._features.features, *groups]
        found = [*above, *await self._probe_cell(above)]
        found.append(self._networks.report())
        report = tuple(as_accepted(feature, self._settings.accept_missing) for feature in found)
        self.problems = tuple(feature for feature in report if feature.required and not feature.ok)
        self._accepted = tuple(
            feature for feature, before in zip(report, found, strict=True) if feature is not before
        )
        return report

    async def close(self) -> None:
        """End every cell, remove the subtree, give the lease back."""
        await self._pool.close()
        await self._zygotes.retire_all()
        self._roots.close()
        if self._tree:
            self._tree.remove()
        self._networks.close()
        self._block.close()

    def _take(self, shape: CellShape) -> PreparedCell | None:
        """Return a cell that waits: with its runtime, or else one that can start it."""
        prepared = self._pool.take(shape)
        if prepared is None and shape.boots:
            prepared = self._pool.take(shape.cold)
        return prepared

    async def _prepare_now(self, shape: CellShape) -> PreparedCell:
        """Make a cell on the spot; a zygote is worth it, to boot a runtime ahead is too late."""
        if shape.warm is not None and shape.warm.how is How.FORK and self._zygotes.has(shape):
            try:
                return await self._prepare(shape)
            except SandboxError as error:
                log.info("no warm start: %s", error)
        return await self._prepare(shape.cold)

    async def _prepare(self, shape: CellShape) -> PreparedCell:
        """Make a cell whose controls hold as they must."""
        prepared = await self._make(shape)
        controls = prepared.cell.controls
        missing = [name for name in (controls.missing if controls else CHECKS) if self._needs(name)]
        if controls is None or missing:
            await prepared.close()
            raise SandboxError("controls", detail=f"not held: {', '.join(missing)}; nothing was run")
        return prepared

    async def _make(self, shape: CellShape) -> PreparedCell:
        self._remove_stuck()
        self._cells_made += 1
        name = f"c{self._cells_made}"
        limits = shape.limits
        async with AsyncExitStack() as resources:
            spawner, usable_until_s = await self._enter_spawner(shape, resources)
            lent = resources.enter_context(ExitStack())
            uids = lent.enter_context(self._block.lease())
            cgroup = None
            if self._tree:
                cgroup = self._tree.create_cell(
                    name, limits.memory_bytes, limits.processes, sockets=shape.loopback
                )
                resources.callback(cgroup.remove)  # the cell does it, but there may come to be none
            layers = self._roots.layers(shape.root, shape.binds)
            try:
                cell = Cell(shape, uids, cgroup, layers)
            except OSError as error:
                raise SandboxError("pipes", error.errno or 0) from error
            resources.push_async_callback(self._close_cell, cell, lent)
            features = self._features
            await cell.prepare(spawner, features.clone_flags, features.wire_features, self._networks.fd)
            return PreparedCell(cell, resources.pop_all(), usable_until_s)

    async def _close_cell(self, cell: Cell, lent: ExitStack) -> None:
        await cell.close()
        if not cell.contained:
            log.warning(
                "something is left of a cell; it is tried again with each new one, its uids are nobody's"
            )
            self._stuck.append((cell, lent.pop_all()))

    def _remove_stuck(self) -> None:
        """Remove what could not be removed before: whatever was in it may have gone."""
        for stuck in list(self._stuck):
            cell, lent = stuck
            if cell.has_gone():
                lent.close()
                self._stuck.remove(stuck)

    async def _enter_spawner(self, shape: CellShape, resources: AsyncExitStack) -> tuple[Spawner, float]:
        """Return what makes the cell's init, and until when that is fit for a program."""
        if shape.warm is not None and shape.warm.how is How.FORK:
            zygote = await resources.enter_async_context(self._zygotes.use(shape))
            return zygote.spawner, zygote.usable_until_s
        return await resources.enter_async_context(self._roots.use(shape.root)), math.inf

    def _needs(self, control: str) -> bool:
        return not self._settings.permissive and control not in self._settings.accept_missing

    async def _make_probe(self) -> PreparedCell:
        """Make a cell, and where something around us forbids small sockets go on without them."""
        try:
            return await self._make(PROBE.shape)
        except SandboxError as error:
            if error.step != OF_NETWORKS:
                raise
            log.warning("sockets of cells are as large as the host's: %s", error)
            self._networks.give_up(str(error))
            return await self._make(PROBE.shape)

    async def _probe_cell(self, above: list[Remedy]) -> list[Remedy]:
        """Make a cell and report each control, or the step that failed."""
        try:
            if self._features.why_no_cell:
                raise HostError(self._features.why_no_cell)
            prepared = await self._make_probe()
            controls = prepared.cell.controls
            await prepared.close()
        except CellblockError as error:
            self._can_make_cells = False
            return [no_cell_report(error, above, self._tree)]
        self._can_make_cells = True
        return cell_report(controls.applied if controls else (), above)
