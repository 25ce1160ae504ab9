"""The list of what a cell's read-only root holds, for the helper to build.

A root shows the ``/usr`` of a tree made for the purpose, or the host's, read-only, with an
``/etc`` made up: nothing of a host's own configuration is visible but what toolchains link to.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterable
from pathlib import Path

from msgspec import Struct

from cellblock.sandbox import wire

MOUNT_POINTS = ("box", "out", "tmp", "proc", "dev", "dev/shm")
DEVICES = ("null", "zero", "full", "random", "urandom")
_DEVICE_LINKS = {"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}
_TOP_LEVEL = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")

PRELOAD = "/etc/gate.so"
"""Where a root has the library that makes a runtime wait for its job."""

_ETC_COPIES = ("ld.so.cache", "localtime", "debian_version")
"""Files whose content matters to runtimes and tells nothing about the host but its distribution."""

_ETC_TREES = ("alternatives", "java-*", "mono")
"""Directories that Debian's packages link into; small, so they are copied."""

_HOSTS = "127.0.0.1 localhost\n::1 localhost\n"
_NSSWITCH = "passwd: files\ngroup: files\nhosts: files dns\n"

HOST_ROOT = "host"
"""Name of the root that shows the host's own ``/usr``: it is always there."""


class Root(Struct, frozen=True, kw_only=True):
    """Where a read-only root comes from."""

    base: Path = Path("/")
    """The directory whose ``usr`` and toolchain configuration it shows: the host's, or a tree of its own."""
    binds: tuple[tuple[str, str], ...] = ()
    """Further directories: absolute host path, absolute path inside."""

    def layers(self, wanted: Collection[str] | None) -> tuple[str, ...]:
        """Return where directories of the host are seen inside; of the further ones those that are wanted.

        ``None`` wants all. One that there is not is not among them.
        """
        further = [target for _, target in sorted(self.binds) if wanted is None or target in wanted]
        return (*(f"/{name}" for name in _directories(self.base)), *further)


def build_template(
    root: Root,
    program_uids: Iterable[int],
    hostname: str,
    preload: bytes,
    *,
    makes_nodes: bool,
    shows_proc: bool = False,
) -> bytes:
    """Lay out the template memfd for ``root``; ``program_uids`` get passwd entries.

    ``preload`` is the content of the library that has runtimes wait. With ``makes_nodes`` the devices are
    nodes of its own, else the host's. With ``shows_proc`` the host's ``/proc`` is there until a cell has
    made its own, as the kernel asks of a user namespace.
    """
    ops = [wire.encode_template_op(wire.TEMPLATE_DIR, path) for path in MOUNT_POINTS]
    ops.append(wire.encode_template_op(wire.TEMPLATE_HOSTNAME, "hostname", hostname.encode()))
    ops.append(wire.encode_template_op(wire.TEMPLATE_FILE, PRELOAD.lstrip("/"), preload, mode=0o555))
    if shows_proc:
        ops.append(wire.encode_template_op(wire.TEMPLATE_PROC, "proc"))
    ops += _devices(wire.TEMPLATE_NODE if makes_nodes else wire.TEMPLATE_DEVICE)
    ops += _system(root.base)
    ops += _etc(root.base, list(program_uids), hostname)
    ops += [_bind(source, target) for source, target in sorted(root.binds)]
    return b"".join(ops)


def _bind(source: str | Path, target: str | Path) -> bytes:
    return wire.encode_template_op(wire.TEMPLATE_BIND, str(target).lstrip("/"), str(source).encode())


def _symlink(path: str, target: str) -> bytes:
    return wire.encode_template_op(wire.TEMPLATE_SYMLINK, path, target.encode())


def _file(path: str, content: bytes) -> bytes:
    return wire.encode_template_op(wire.TEMPLATE_FILE, path, content, mode=0o444)


def _devices(kind: int) -> list[bytes]:
    nodes = [wire.encode_template_op(kind, f"dev/{name}", f"/dev/{name}".encode()) for name in DEVICES]
    return nodes + [_symlink(f"dev/{name}", target) for name, target in _DEVICE_LINKS.items()]


def _system(base: Path) -> list[bytes]:
    """``/usr``, and the top-level names that a merged-usr system links into it."""
    links = [name for name in _TOP_LEVEL if (base / name).is_symlink()]
    return [
        *(_bind(base / name, name) for name in _directories(base)),
        *(_symlink(name, str((base / name).readlink())) for name in links),
    ]


def _directories(base: Path) -> list[str]:
    """Name what is shown of ``base`` at its top; where systems are merged, that is ``/usr``."""
    unmerged = [name for name in _TOP_LEVEL if (base / name).is_dir() and not (base / name).is_symlink()]
    return ["usr", *unmerged]


def _is_everyones(path: Path, base: Path) -> bool:
    """Whether anybody may read what ``path`` leads to: a copy is every program's, and root may read anything.

    A link counts as what it leads to, with the way there; the way to ``base`` does not count.
    """
    real = path.resolve()
    try:
        mode = real.stat().st_mode
        way = [each.stat().st_mode for each in real.parents if not base.resolve().is_relative_to(each)]
    except OSError:
        return False
    needed = stat.S_IROTH | (stat.S_IXOTH if stat.S_ISDIR(mode) else 0)
    others_may = mode & needed == needed and all(each & stat.S_IXOTH for each in way)
    return others_may and os.access(real, os.R_OK)  # where we are not root, a rule may leave out just us


def _copy(path: Path, target: str, base: Path) -> list[bytes]:
    """Have a directory as it is now, but for what is neither file nor link, or not everybody's to read."""
    ops = [wire.encode_template_op(wire.TEMPLATE_DIR, target)]
    for entry in sorted(path.iterdir()):
        inside = f"{target}/{entry.name}"
        if entry.is_symlink():
            ops.append(_symlink(inside, str(entry.readlink())))
        elif not _is_everyones(entry, base):
            continue
        elif entry.is_dir():
            ops += _copy(entry, inside, base)
        elif entry.is_file():
            ops.append(_file(inside, entry.read_bytes()))
    return ops


def _etc(base: Path, program_uids: list[int], hostname: str) -> list[bytes]:
    users = [("root", 0), *((f"cell{uid}", uid) for uid in program_uids)]
    passwd = "".join(f"{name}:x:{uid}:{uid}::/box:/bin/sh\n" for name, uid in users)
    group = "".join(f"{name}:x:{uid}:\n" for name, uid in users)
    ops = [
        _file("etc/passwd", passwd.encode()),
        _file("etc/group", group.encode()),
        _file("etc/hosts", _HOSTS.encode()),
        _file("etc/hostname", f"{hostname}\n".encode()),
        _file("etc/nsswitch.conf", _NSSWITCH.encode()),
    ]
    for name in _ETC_COPIES:
        path = base / "etc" / name
        if _is_everyones(path, base) and path.is_file():
            ops.append(_file(f"etc/{name}", path.read_bytes()))
    found = sorted(path for pattern in _ETC_TREES for path in (base / "etc").glob(pattern))
    trees = [path for path in found if _is_everyones(path, base) and path.is_dir()]
    return ops + [op for path in trees for op in _copy(path, f"etc/{path.name}", base)]
