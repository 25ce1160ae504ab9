"""Starting, watching and ending the processes below a command: the supervisor and the service.

Every child leads a session of its own and is told to end when the process that started it is gone,
so nothing outlives its parent. Children read their settings from the environment made here.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from cellblock import config
from cellblock.errors import HostError

Process = subprocess.Popen[bytes]

_PR_SET_PDEATHSIG = 1
_GIVE_WAY = ("nice", "-n", "10")
_MALLOC = {"MALLOC_MMAP_THRESHOLD_": str(1 << 20)}
"""For glibc: what is at least so large has pages of its own, which go back with it. By itself it raises this
to 32 MiB, and a heap then keeps what outputs have needed: 390 MiB of an idle supervisor, not 90."""
_libc = ctypes.CDLL(None, use_errno=True)
_started: list[Process] = []
"""Whose end has not been seen yet, and some more."""


def listen(path: Path, *, group_id: int | None = None) -> socket.socket:
    """Return a socket that listens on ``path``, for its owner and ``group_id`` only.

    A socket that is left there is replaced: the caller holds the lock of the directory.
    Raises ``HostError``.
    """
    listening = socket.socket(socket.AF_UNIX)
    try:
        with suppress(FileNotFoundError):
            if path.is_socket():
                path.unlink()
        listening.bind(str(path))
        # The directory keeps others out while the mode is not yet set.
        path.chmod(0o600 if group_id is None else 0o660)
        if group_id is not None:
            os.chown(path, -1, group_id)
        listening.listen()
    except OSError as error:
        listening.close()
        reason = error.strerror or str(error)
        raise HostError(f"cannot listen on {path}: {reason}; set CELLBLOCK_RUNTIME_DIR elsewhere") from error
    return listening


def start_supervisor(
    settings: config.Settings,
    listening: socket.socket,
    locks: Sequence[int] = (),
    *,
    log: IO[bytes] | None = None,
) -> Process:
    """Start a supervisor that serves ``listening``; its messages go to ``log``, else to our stderr.

    It holds ``locks`` until it ends, as the service does: what they lock is free only when both have ended.
    """
    descriptor = listening.fileno()
    arguments = ["cellblock.supervisor", "--listen-fd", str(descriptor)]
    return _start(settings, arguments, [descriptor, *locks], log)


def start_service(settings: config.Settings, ready_descriptor: int, locks: Sequence[int] = ()) -> Process:
    """Start the HTTP service; it writes ``k`` or ``1`` to ``ready_descriptor`` once it answers."""
    arguments = ["cellblock.app.service", "--ready-fd", str(ready_descriptor)]
    return _start(settings, arguments, [ready_descriptor, *locks], None)


def start_installer(settings: config.Settings, languages: Sequence[str], ready_descriptor: int) -> Process:
    """Start the installation of languages; it writes a byte to ``ready_descriptor`` whenever one is ready.

    What it has to say goes to our stderr. It gives way to everything else on the machine.
    """
    descriptor = str(ready_descriptor)
    arguments = ["cellblock", "languages", "install", "--yes", "--ready-fd", descriptor, "--", *languages]
    return _start(settings, arguments, [ready_descriptor], None, in_background=True)


async def exit_of(process: Process) -> int:
    """Wait for the end of a child; returns its exit code, negative for the signal that killed it."""
    pidfd = os.pidfd_open(process.pid)
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(pidfd, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(pidfd)
        os.close(pidfd)
    return process.wait()


async def end(process: Process, patience_s: float) -> int:
    """Ask a child to end, and kill it when it has not after ``patience_s``; returns as ``exit_of``."""
    if (code := process.poll()) is not None:
        return code
    process.terminate()
    try:
        return await asyncio.wait_for(exit_of(process), patience_s)
    except TimeoutError:
        process.kill()
        return await exit_of(process)


def is_ours(pid: int) -> bool:
    """Say whether that is a child that was started here, and that is still to be waited for."""
    return any(process.pid == pid and process.returncode is None for process in _started)


def describe_exit(code: int) -> str:
    """Say in words how a process ended."""
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _start(
    settings: config.Settings,
    module: Sequence[str],
    descriptors: Sequence[int],
    log: IO[bytes] | None,
    *,
    in_background: bool = False,
) -> Process:
    process = subprocess.Popen(
        # -P: the working directory is no place to import privileged code from.
        [*(_GIVE_WAY if in_background else ()), sys.executable, "-P", "-m", *module],
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr.fileno() if in_background else None,
        stderr=log,
        env=_MALLOC | config.child_environment(settings),
        pass_fds=descriptors,
        start_new_session=True,
        preexec_fn=_ends_with(os.getpid()),  # noqa: PLW1509  # our processes that start others have no threads
    )
    _started[:] = [*(each for each in _started if each.returncode is None), process]
    return process


def _ends_with(parent_pid: int) -> Callable[[], None]:
    def in_child() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent_pid:  # it was gone before the kernel knew that we depend on it
            os._exit(1)

    return in_child
