"""A memory cgroup for one service: what others on this machine keep in tmpfs is not on its account."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

_HIERARCHIES = ("/sys/fs/cgroup/memory", "/sys/fs/cgroup")
_EMPTY_WITHIN_S = 10.0


@contextlib.contextmanager
def own_memory_group() -> Iterator[list[str]]:
    """Yield a command that runs another in a group of its own, until the block ends."""
    top = next(Path(path) for path in _HIERARCHIES if (Path(path) / "cgroup.procs").exists())
    group = top / f"soak-{os.getpid()}"
    group.mkdir()
    try:
        assert (group / "memory.stat").exists(), f"{group} does not count memory"
        yield ["/bin/sh", "-c", 'echo $$ > "$0" && exec "$@"', str(group / "cgroup.procs")]
    finally:
        deadline_s = time.monotonic() + _EMPTY_WITHIN_S
        while (group / "cgroup.procs").read_text() and time.monotonic() < deadline_s:
            time.sleep(0.05)
        group.rmdir()
