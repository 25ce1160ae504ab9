"""What the parent has to do where it is process 1, as in a container: reap processes that nobody else will.

Whoever loses its parent in a pid namespace becomes a child of process 1: the spawners and inits of a
supervisor that was killed. Unreaped they would stay, and count, for as long as the container lives.
"""

from __future__ import annotations

import asyncio
import os
import signal

from cellblock.app import children

_PAUSE_S = 1.0


def reap_from_now_on() -> None:
    """Reap strangers on the running loop; our own children are left to who waits for their exit codes."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGCHLD, _reap)


def _reap() -> None:
    while (ended := _first_that_ended()) is not None:
        if children.is_ours(ended):
            # It hides those behind it until it has been waited for, which no signal tells.
            asyncio.get_running_loop().call_later(_PAUSE_S, _reap)
            return
        os.waitid(os.P_PID, ended, os.WEXITED | os.WNOHANG)


def _first_that_ended() -> int | None:
    try:
        found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    return found.si_pid if found else None
