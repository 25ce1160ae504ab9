"""Whether a process is seen to live."""

from __future__ import annotations

from pathlib import Path

from cellblock.sandbox.kernel_files import read_kernel_file

_EXITING = 0x4
"""PF_EXITING of include/linux/sched.h: set when a thread begins to end, before it lets go of its files."""
_FLAGS_AFTER_NAME = 6


def is_alive(pid: int) -> bool:
    """Say whether some thread of the process is there and has not begun to end.

    So whoever closed a file and is alive afterwards did not close it by ending. A pid of nobody is not alive.
    """
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return False
    return any(map(_has_not_begun_to_end, threads))


def _has_not_begun_to_end(thread: Path) -> bool:
    try:
        stat = read_kernel_file(f"{thread}/stat")
    except OSError:
        return False
    # The name before may hold anything, parentheses and blanks too.
    return not int(stat.rpartition(")")[2].split()[_FLAGS_AFTER_NAME]) & _EXITING
