"""What a spawner is asked for: the cell of a shape, or a zygote. Nothing of a submission is in it."""

from __future__ import annotations

import math
import resource
from collections.abc import Sequence

from cellblock.sandbox import wire
from cellblock.sandbox.features import core_limit_bytes
from cellblock.sandbox.leases import CellUids
from cellblock.sandbox.shapes import CellShape, Warm
from cellblock.sandbox.template import PRELOAD

_CPU_BACKSTOP = 1.25
"""How far above the judge's CPU limit the kernel's own (RLIMIT_CPU) stands, and a second more.

It counts by ticks of its clock, the judge by what the group used: among eight busy processes on two
processors it was seen to end one of 16 s at 14.9 s. A compiler whose child that is tells of a mistake, not
of a limit.
"""


def cell_request(shape: CellShape, uids: CellUids, features: int, layers: Sequence[str]) -> bytes:
    """Return the request for a cell; ``features`` are the host's and the cgroup's, ``layers`` its root's."""
    limits = shape.limits
    booted = shape.warm if shape.boots else None
    cpu_s = cpu_backstop_s(limits.cpu_ms) + (wire.BOOT_CPU_S if booted else 0)
    same = [
        (resource.RLIMIT_NOFILE, limits.open_files),
        (resource.RLIMIT_FSIZE, limits.file_size_bytes),
        (resource.RLIMIT_STACK, limits.stack_bytes),
        (resource.RLIMIT_CORE, core_limit_bytes()),
        (resource.RLIMIT_MEMLOCK, 0),
    ]
    if shape.makes_out:
        features |= wire.FEATURE_OUT_WRITABLE
    if booted:
        features |= wire.FEATURE_BOOT
    return wire.encode_request(
        features=features,
        init_uid=uids.init_uid,
        program_uid=uids.program_uid,
        work_area_bytes=limits.work_area_bytes,
        work_area_inodes=limits.work_area_inodes,
        # SIGXCPU at the soft limit, SIGKILL a second later for who ignores it.
        rlimits=[
            (resource.RLIMIT_CPU, cpu_s, cpu_s + 1),
            *((number, value, value) for number, value in same),
        ],
        layers=layers,
        argv=booted.argv if booted else (),
        environment=_gated_environment(booted) if booted else {},
    )


def cpu_backstop_s(cpu_ms: int) -> int:
    """Return the seconds of CPU time at which the kernel ends a process, should the judge not."""
    return math.ceil(cpu_ms / 1000 * _CPU_BACKSTOP) + 1


def zygote_request(warm: Warm, stack_bytes: int) -> bytes:
    """Return the request for a zygote; by the stack limit an address space is laid out."""
    return wire.encode_request(
        features=wire.FEATURE_ONE_UID,  # it has root's, and becomes nobody
        init_uid=0,
        program_uid=0,
        work_area_bytes=0,
        work_area_inodes=0,
        rlimits=[(resource.RLIMIT_STACK, stack_bytes, stack_bytes)],
        argv=warm.argv,
        environment=_gated_environment(warm),
    )


def _gated_environment(warm: Warm) -> dict[str, str]:
    """Return what the runtime is started with: last what has it wait, gone before it looks."""
    waiting = {"LD_PRELOAD": PRELOAD, "CELLBLOCK_GATE": f"{warm.how}:{warm.gate}"}
    if warm.stand_in:
        waiting["CELLBLOCK_STAND_IN"] = warm.stand_in
    return {**dict(warm.environment), **waiting}
