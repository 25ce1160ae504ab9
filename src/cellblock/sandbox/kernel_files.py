"""Files of the kernel's, read and written in one call: a run takes two dozen of them."""

from __future__ import annotations

import os

_CHUNK_BYTES = 1 << 14


def read_kernel_file(path: str) -> str:
    """Return the whole of a small file, whatever its bytes; raises ``OSError``."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        content = os.read(fd, _CHUNK_BYTES)
        # A short answer may still not be the end: such files give whole records only.
        while chunk := os.read(fd, _CHUNK_BYTES):
            content += chunk
    finally:
        os.close(fd)
    return content.decode(errors="surrogateescape")


def write_kernel_file(path: str, value: str) -> None:
    """Write a value in one call, as the kernel wants it; raises ``OSError``."""
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, value.encode())
    finally:
        os.close(fd)
