"""What an init may say, and when: anything else comes from one that a program has taken over.

Such an init may end its own run as it likes, but neither keep us busy nor have us answer with times
that never were.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection

from cellblock.sandbox import wire


def may_be_heard(
    event: wire.CellEvent, fd_count: int, *, ready_fds: int, told: Collection[int], released_ns: int
) -> bool:
    """Say whether an init that is only what we made it would say this now.

    ``ready_fds`` is how many descriptors come with the word that the program is ready, ``told`` the kinds
    of all that it has said, ``released_ns`` when its gate was opened, 0 before that.
    """
    if event.kind in told or wire.EVENT_FAILED in told:
        return False
    if event.kind == wire.EVENT_READY:
        return fd_count == ready_fds and not told
    if fd_count:
        return False
    if event.kind == wire.EVENT_FAILED:
        return wire.EVENT_EXITED not in told
    is_end = os.WIFEXITED(event.wait_status) or os.WIFSIGNALED(event.wait_status)
    return (
        event.kind in {wire.EVENT_EXITED, wire.EVENT_SECCOMP}
        and is_end
        and 0 < released_ns <= event.start_ns <= event.end_ns <= time.monotonic_ns()
    )
