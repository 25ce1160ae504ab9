"""Running other programs: apt, mmdebstrap, pip, npm. Always an argument list, always waited for.

They see the machine's own configuration, as they would from the operator's shell. None outlives us.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from cellblock.errors import HostError

_PR_SET_PDEATHSIG = 1
_TICK_S = 0.2
_SHOWN_LINES = 12
_libc = ctypes.CDLL(None, use_errno=True)

ISOLATED = (
    "unshare", "--mount", "--net", "--ipc", "--uts", "--pid", "--fork", "--kill-child",
    "--propagation", "private", "--mount-proc", "--",
)  # fmt: skip
"""In front of a command: no network, and mounts and processes that end with it."""


class CommandError(HostError):
    """A program ended with an error; the message has what was to be done and the end of what it said."""


def run(
    argv: Sequence[str],
    purpose: str,
    *,
    advice: str = "",
    on_tick: Callable[[], None] = lambda: None,
    cwd: Path | None = None,
    descriptors: Sequence[int] = (),
) -> bytes:
    """Run a program to its end and return its stdout; ``on_tick`` is called while it runs.

    Raises ``CommandError``: "could not ``purpose``", the last lines that it wrote, and ``advice``.
    """
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        try:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                cwd=cwd,
                pass_fds=descriptors,
                preexec_fn=_end_with(os.getpid()),  # noqa: PLW1509  # there are no threads here
            )
        except FileNotFoundError as error:
            raise CommandError(
                f"could not {purpose}: {argv[0]} is not installed here (on Debian: apt-get install {argv[0]})"
            ) from error
        try:
            code = _wait(process, on_tick)
        except BaseException:
            process.kill()
            process.wait()
            raise
        if code != 0:
            said = _tail(stdout, stderr)
            how = f"exit code {code}" if code > 0 else f"killed by {signal.Signals(-code).name}"
            message = f"could not {purpose}: {Path(argv[0]).name} ended with {how}"
            raise CommandError("\n".join(part for part in (message, said, advice) if part))
        stdout.seek(0)
        return stdout.read()


def _wait(process: subprocess.Popen[bytes], on_tick: Callable[[], None]) -> int:
    while True:
        try:
            return process.wait(_TICK_S)
        except subprocess.TimeoutExpired:
            on_tick()


def _tail(*streams: IO[bytes]) -> str:
    """Return the last lines of what was written, without what is only chatter."""
    lines: list[str] = []
    for stream in streams:
        stream.seek(0)
        lines += [line for line in stream.read().decode("utf-8", "replace").splitlines() if line.strip()]
    return "\n".join(f"  {line}" for line in lines[-_SHOWN_LINES:])


def _end_with(parent_pid: int) -> Callable[[], None]:
    def in_child() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent_pid:
            os._exit(1)

    return in_child
