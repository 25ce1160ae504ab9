"""The list of what a cell's read-only root holds, for the helper to build.

Here the root shows the host's ``/usr`` and toolchains, read-only, with an ``/etc`` made up for
the purpose: nothing of the host's own configuration is visible but what toolchains link to.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from cellblock.sandbox import wire

MOUNT_POINTS = ("box", "tmp", "proc", "dev", "dev/shm")
DEVICES = ("null", "zero", "full", "random", "urandom")
_DEVICE_LINKS = {"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}
_TOP_LEVEL = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")

_ETC_COPIES = ("ld.so.cache", "localtime", "debian_version")
"""Files whose content matters to runtimes and tells nothing about the host but its distribution."""

_ETC_BINDS = ("alternatives", "java-*", "mono")
"""Directories that Debian's packages link into."""

_HOSTS = "127.0.0.1 localhost\n::1 localhost\n"
_NSSWITCH = "passwd: files\ngroup: files\nhosts: files dns\n"


def host_template(visible: Iterable[str], program_uids: Iterable[int], hostname: str) -> bytes:
    """Lay out the template memfd for a root over the host's own ``/usr``.

    ``visible`` are further absolute host paths (toolchain directories), each seen at the same
    place; ``program_uids`` get passwd entries.
    """
    ops = [wire.encode_template_op(wire.TEMPLATE_DIR, path) for path in MOUNT_POINTS]
    ops.append(wire.encode_template_op(wire.TEMPLATE_HOSTNAME, "hostname", hostname.encode()))
    ops += _devices()
    ops += _system()
    ops += _etc(list(program_uids), hostname)
    ops += [_bind(path) for path in sorted(set(visible)) if not Path(path).is_relative_to("/usr")]
    return b"".join(ops)


def _bind(path: str | Path) -> bytes:
    return wire.encode_template_op(wire.TEMPLATE_BIND, str(path).lstrip("/"), str(path).encode())


def _symlink(path: str, target: str) -> bytes:
    return wire.encode_template_op(wire.TEMPLATE_SYMLINK, path, target.encode())


def _file(path: str, content: bytes) -> bytes:
    return wire.encode_template_op(wire.TEMPLATE_FILE, path, content, mode=0o444)


def _devices() -> list[bytes]:
    binds = [
        wire.encode_template_op(wire.TEMPLATE_DEVICE, f"dev/{name}", f"/dev/{name}".encode())
        for name in DEVICES
    ]
    return binds + [_symlink(f"dev/{name}", target) for name, target in _DEVICE_LINKS.items()]


def _system() -> list[bytes]:
    """``/usr``, and the top-level names that a merged-usr system links into it."""
    ops = [_bind("/usr")]
    for name in _TOP_LEVEL:
        path = Path("/", name)
        if path.is_symlink():
            ops.append(_symlink(name, str(path.readlink())))
        elif path.is_dir():
            ops.append(_bind(path))
    return ops


def _etc(program_uids: list[int], hostname: str) -> list[bytes]:
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
        path = Path("/etc", name)
        if path.is_file():
            ops.append(_file(f"etc/{name}", path.read_bytes()))
    binds = sorted(path for pattern in _ETC_BINDS for path in Path("/etc").glob(pattern) if path.is_dir())
    return ops + [_bind(path) for path in binds]
