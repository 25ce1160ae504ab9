"""The helper's protocol in Python: ``native/wire.h`` to the letter (a test compares the two)."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

from msgspec import Struct

from cellblock.model import SourceFile

WIRE_VERSION = 6

OP_TEMPLATE = 1
OP_SPAWN = 2
OP_FILTERS = 3
OP_ZYGOTE = 4

FEATURE_CGROUP_V2 = 1 << 0
FEATURE_CGROUP_NS = 1 << 1
FEATURE_SECCOMP = 1 << 2
FEATURE_SECCOMP_NOTIFY = 1 << 3
FEATURE_OUT_WRITABLE = 1 << 4
FEATURE_BOOT = 1 << 5
FEATURE_LOOPBACK = 1 << 6
FEATURE_ONE_UID = 1 << 7
FEATURE_SMALL_SOCKETS = 1 << 8

BOOT_CPU_S = 86_400
"""How far above its own the CPU limit of what boots stands, until its job comes."""

COMMAND_JOB = b"j"
COMMAND_DRAIN_STDOUT = b"o"
COMMAND_DRAIN_STDERR = b"e"

EVENT_READY = 1
READY_FDS_MAX = 3
EVENT_FAILED = 2
EVENT_SECCOMP = 3
EVENT_EXITED = 4
EVENT_BOOTED = 5

TEMPLATE_DIR = 1
TEMPLATE_FILE = 2
TEMPLATE_SYMLINK = 3
TEMPLATE_BIND = 4
TEMPLATE_DEVICE = 5
TEMPLATE_HOSTNAME = 6
TEMPLATE_PROC = 7
TEMPLATE_NODE = 8

SPAWNER_MESSAGE = struct.Struct("=IIII")
SPAWNER_ANSWER = struct.Struct("=IIii32s160s")
CELL_REQUEST = struct.Struct("=IIIIQQIIII")
CELL_JOB = struct.Struct("=IIII")
RLIMIT = struct.Struct("=IIQQ")
FILE = struct.Struct("=IIQ")
CELL_EVENT = struct.Struct("=IiiIQQII32s160s")
TEMPLATE_OP = struct.Struct("=IIII")
_LENGTH = struct.Struct("=I")


class SpawnerAnswer(Struct, frozen=True):
    """What the spawner says to one message."""

    op: int
    cell_id: int
    pid: int
    error: int
    step: str
    detail: str


class CellEvent(Struct, frozen=True):
    """What init says of its cell; which fields mean something depends on ``kind``."""

    kind: int
    error: int
    wait_status: int
    reaped: int
    start_ns: int
    end_ns: int
    syscall_nr: int
    syscall_arch: int
    step: str
    detail: str


def decode_answer(message: bytes) -> SpawnerAnswer:
    """Parse a ``struct spawner_answer``."""
    op, cell_id, pid, error, step, detail = SPAWNER_ANSWER.unpack(message)
    return SpawnerAnswer(op, cell_id, pid, error, _text(step), _text(detail))


def decode_event(message: bytes) -> CellEvent:
    """Parse a ``struct cell_event``."""
    kind, error, status, reaped, start_ns, end_ns, number, arch, step, detail = CELL_EVENT.unpack(message)
    return CellEvent(kind, error, status, reaped, start_ns, end_ns, number, arch, _text(step), _text(detail))


def encode_request(  # one argument a field of the struct
    *,
    features: int,
    init_uid: int,
    program_uid: int,
    work_area_bytes: int,
    work_area_inodes: int,
    rlimits: Sequence[tuple[int, int, int]],
    layers: Sequence[str] = (),
    argv: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> bytes:
    """Lay out a request memfd: head, rlimits, layers, and what a runtime is started with ahead of its job."""
    texts = _texts([*layers, *argv], environment or {})
    counts = (len(rlimits), len(layers), len(argv), len(environment or {}))
    parts = [
        CELL_REQUEST.pack(
            WIRE_VERSION, features, init_uid, program_uid, work_area_bytes, work_area_inodes, *counts
        )
    ]
    parts += [RLIMIT.pack(resource, 0, soft, hard) for resource, soft, hard in rlimits]
    return b"".join([*parts, *texts])


def encode_job(files: Sequence[SourceFile], argv: Sequence[str], environment: Mapping[str, str]) -> bytes:
    """Lay out a job memfd: head, files, argv, environment, then the contents."""
    parts = [CELL_JOB.pack(WIRE_VERSION, len(files), len(argv), len(environment))]
    for file in files:
        name = file.name.encode()
        parts += [FILE.pack(0o644, len(name), len(file.content)), name, b"\0"]
    parts += _texts(argv, environment)
    parts += [file.content for file in files]
    return b"".join(parts)


def _texts(argv: Sequence[str], environment: Mapping[str, str]) -> list[bytes]:
    parts = []
    for text in [*argv, *(f"{name}={value}" for name, value in environment.items())]:
        # surrogateescape: an argument may be any bytes but NUL.
        encoded = text.encode(errors="surrogateescape")
        parts += [_LENGTH.pack(len(encoded)), encoded, b"\0"]
    return parts


def encode_template_op(kind: int, path: str, data: bytes = b"", mode: int = 0o755) -> bytes:
    """Lay out one record of a template memfd."""
    encoded = path.encode()
    return b"".join([TEMPLATE_OP.pack(kind, mode, len(encoded), len(data)), encoded, b"\0", data, b"\0"])


def _text(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode(errors="replace")
