"""What is said of a host: which features and controls hold, and what mends those that do not."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from cellblock.errors import CellblockError, HostError
from cellblock.model import Limits, Remedy
from cellblock.sandbox.cgroup_remedies import missing_remedy
from cellblock.sandbox.cgroups import CgroupTree
from cellblock.sandbox.controls import CHECKS
from cellblock.sandbox.refusals import what_mends
from cellblock.sandbox.shapes import CellSpec
from cellblock.sandbox.surroundings import LOOK_CLOSER
from cellblock.sandbox.template import HOST_ROOT

_CONTROLS_OF = {
    "uids for cells": ("unprivileged_uid",),
    "memory controller": ("memory_limit",),
    "pids controller": ("process_limit",),
    "net namespace": ("network_namespace",),
    "ipc namespace": ("ipc_namespace",),
    "uts namespace": ("uts_namespace",),
    "cgroup namespace": ("cgroup_namespace",),
    "seccomp filter": ("seccomp_filter",),
    "cgroups": ("memory_limit", "process_limit"),
}
"""Features that matter for nothing but these controls: who accepts the controls as missing accepts that."""

PROBE = CellSpec(
    argv=("/bin/true",),
    environment={},
    files=(),
    stdin=b"",
    root=HOST_ROOT,
    loopback=True,
    limits=Limits(
        memory_bytes=64 << 20,
        cpu_ms=2_000,
        wall_ms=5_000,
        processes=4,
        open_files=16,
        file_size_bytes=1 << 20,
        stack_bytes=8 << 20,
        work_area_bytes=1 << 20,
        work_area_inodes=64,
        output_bytes=4096,
    ),
)
"""What a cell is made for to see whether one can be."""


def check_accepted(accepted: Sequence[str]) -> None:
    """Raise ``HostError`` where the operator accepts something as missing that is no control."""
    unknown = [name for name in accepted if name not in CHECKS]
    if unknown:
        raise HostError(
            f"CELLBLOCK_ACCEPT_MISSING: there is no control {unknown[0]!r}; there are: {', '.join(CHECKS)}"
        )


def as_accepted(feature: Remedy, accepted: Collection[str]) -> Remedy:
    """Return the feature as one that is not required, where all that it is for is accepted as missing."""
    controls = {*_CONTROLS_OF.get(feature.feature, ()), feature.feature.removeprefix("control ")} & set(
        CHECKS
    )
    if feature.ok or not feature.required or not controls or not controls <= set(accepted):
        return feature
    return msgspec.structs.replace(feature, required=False, detail=f"{feature.detail}; accepted as missing")


def groups_report(tree: CgroupTree | None, problem: str, remedy: str) -> list[Remedy]:
    """Report the cells' control groups, or why there are none."""
    if tree is None:
        return [Remedy(feature="cgroups", ok=False, detail=problem, remedy=remedy)]
    paths = ", ".join(map(str, tree.paths))
    features = [Remedy(feature="cgroups", ok=True, detail=f"{tree.backend} at {paths}")]
    return features + [
        Remedy(
            feature=f"{controller} controller",
            ok=False,
            detail=reason,
            remedy=missing_remedy(controller, tree),
        )
        for controller, reason in tree.missing.items()
    ]


def cell_report(applied: Collection[str], above: Sequence[Remedy]) -> list[Remedy]:
    """Report each control of a cell that was made; ``above`` are the features that were looked at."""
    return [Remedy(feature="cell", ok=True, detail="made, read back and removed")] + [
        Remedy(
            feature=f"control {name}",
            ok=name in applied,
            detail="read back from the kernel" if name in applied else "does not hold in a cell made here",
            remedy=""
            if name in applied
            else f"{_mending(name, above)}; --accept-missing {name} runs without it",
        )
        for name in CHECKS
    ]


def _mending(control: str, above: Sequence[Remedy]) -> str:
    lacking = [feature.feature for feature in above if not feature.ok and feature.required]
    # A kernel that is too old may lack what any control is made of.
    own = [name for name in lacking if control in _CONTROLS_OF.get(name, ()) or name == "kernel"]
    return f"mend {', '.join(own)}, above" if own else LOOK_CLOSER


def no_cell_report(error: CellblockError, above: Sequence[Remedy], tree: CgroupTree | None) -> Remedy:
    """Report the step by which no cell could be made; ``above`` are the features that were looked at."""
    lacking = [feature.feature for feature in above if not feature.ok and feature.required]
    step = what_mends(error, tree)
    first = f"mend {', '.join(lacking)}, above" if lacking else ""
    remedy = f"{first}; if it still fails, {step}" if first and step else first or step or LOOK_CLOSER
    return Remedy(feature="cell", ok=False, detail=str(error), remedy=remedy)
