"""The driver of one spawner process: starts the helper, gives it its root, asks it for inits.

A zygote is a spawner too: an interpreter of the root that the helper has started, and that speaks the
same protocol from where it waits for a submission (``native/warm.c``).
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from msgspec import Struct

from cellblock.errors import CellLostError, HostError, SandboxError
from cellblock.sandbox import wire
from cellblock.sandbox.controls import read_namespaces
from cellblock.sandbox.seccomp import Filters

_ZYGOTE_BOOT_S = 10


class Init(Struct, frozen=True):
    """A cell's pid 1, freshly cloned and setting up."""

    pid: int
    pidfd: int


def memory_file(name: str, content: bytes) -> int:
    """Return a memfd with this content, at its start; the caller closes it."""
    fd = os.memfd_create(name, os.MFD_CLOEXEC)
    view = memoryview(content)
    while view:
        view = view[os.write(fd, view) :]
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


@contextmanager
def _memory_files(**contents: bytes) -> Iterator[list[int]]:
    """Lend a memfd for each content, in the order given."""
    fds = [memory_file(name, content) for name, content in contents.items()]
    ours = list(fds)
    try:
        yield fds
    finally:
        for fd in ours:
            os.close(fd)


class Spawner:
    """One running helper. Used on one event loop; answers come in the order of the questions."""

    def __init__(self, pid: int, end: Callable[[], None], connection: socket.socket) -> None:
        """Drive process ``pid``, which ``end`` kills, over ``connection``; use ``start`` to make one."""
        self.pid = pid
        self._end = end
        self._connection = connection
        self._waiting: deque[_Question] = deque()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(connection.fileno(), self._on_readable)
        self._next_id = 0
        self.namespaces: frozenset[str] = frozenset()
        """Namespaces that no cell may be in: the helper's own, which it takes for its root, and ours."""
        self.ended = asyncio.Event()
        self._closed = False

    @classmethod
    async def start(cls, helper: Path, template: bytes, filters: Filters, clone_flags: int) -> Spawner:
        """Start the helper and have it build its root, in namespaces of the kinds in ``clone_flags``.

        Raises ``HostError`` where the helper cannot be run, ``SandboxError`` with the step that failed.
        """
        ours, theirs = _connected()
        with theirs:
            try:
                process = _run_helper(helper, theirs)
            except OSError as error:
                ours.close()
                raise HostError(f"cannot run the cell helper {helper}: {error}; run: make setup") from error
        spawner = cls(process.pid, lambda: _end_process(process), ours)
        try:
            await spawner._take_filters(filters)
            with _memory_files(template=template) as fds:
                await spawner._ask(wire.OP_TEMPLATE, clone_flags, fds)
            spawner.namespaces = frozenset(
                inode for pid in (os.getpid(), process.pid) for inode in read_namespaces(pid).values()
            )
        except BaseException:
            spawner.close()
            raise
        return spawner

    async def start_zygote(self, request: bytes, stderr_fd: int, filters: Filters) -> Spawner:
        """Start an interpreter in this spawner's root; returns when it waits for its submissions.

        Its stdin and stdout are pipes, as a program's are. Raises ``SandboxError`` where it fails.
        """
        ours, theirs = _connected()
        stdin, stdout = os.pipe2(os.O_CLOEXEC)
        try:
            with theirs, _memory_files(request=request) as fds:
                fds += [theirs.fileno(), stdin, stdout, stderr_fd]
                answer, pidfd = await self._ask(wire.OP_ZYGOTE, 0, fds)
        except BaseException:
            ours.close()
            raise
        finally:
            os.close(stdin)
            os.close(stdout)
        zygote = Spawner(answer.pid, lambda: _end_pidfd(pidfd), ours)
        try:
            await asyncio.wait_for(zygote._take_filters(filters), _ZYGOTE_BOOT_S)
            zygote.namespaces = self.namespaces.union(read_namespaces(zygote.pid).values())
        except TimeoutError:
            zygote.close()
            raise SandboxError("zygote", detail=f"not booted within {_ZYGOTE_BOOT_S} s") from None
        except CellLostError as error:
            zygote.close()
            raise CellLostError("zygote", detail="ended before it waited") from error
        except OSError as error:
            zygote.close()
            raise CellLostError("zygote", error.errno or 0, "ended when it had booted") from error
        except BaseException:
            zygote.close()
            raise
        return zygote

    async def _take_filters(self, filters: Filters) -> None:
        with _memory_files(program=filters.program, init=filters.init) as fds:
            await self._ask(wire.OP_FILTERS, 0, fds)

    async def spawn(self, clone_flags: int, fds: Sequence[int]) -> Init:
        """Clone an init; ``fds`` in the order of ``enum spawn_fd``. Raises ``SandboxError``."""
        answer, pidfd = await self._ask(wire.OP_SPAWN, clone_flags, fds)
        return Init(answer.pid, pidfd)

    def close(self) -> None:
        """End the helper, and with it every cell of its making."""
        if self._connection.fileno() >= 0:
            self._loop.remove_reader(self._connection.fileno())
            self._connection.close()
        self._kill()
        self._fail_waiting(CellLostError("spawner", detail="the cell helper was stopped"))
        self.ended.set()

    async def _ask(self, op: int, clone_flags: int, fds: Sequence[int]) -> tuple[wire.SpawnerAnswer, int]:
        if self.ended.is_set():
            raise CellLostError("spawner", detail="the cell helper has ended")
        self._next_id += 1
        message = wire.SPAWNER_MESSAGE.pack(wire.WIRE_VERSION, op, self._next_id & 0xFFFFFFFF, clone_flags)
        future: asyncio.Future[tuple[wire.SpawnerAnswer, int]] = self._loop.create_future()
        try:
            socket.send_fds(self._connection, [message], list(fds))
        except OSError as error:
            raise CellLostError("spawner", error.errno or 0, "the cell helper takes no messages") from error
        self._waiting.append(_Question(op, self._next_id & 0xFFFFFFFF, future))
        try:
            answer, pidfd = await asyncio.shield(future)
        except asyncio.CancelledError:
            # The init will be made all the same: it ends when its control socket does.
            future.add_done_callback(_close_unwanted_pidfd)
            raise
        if answer.error:
            raise SandboxError(answer.step, answer.error, answer.detail)
        return answer, pidfd

    def _on_readable(self) -> None:
        try:
            message, fds, _, _ = socket.recv_fds(self._connection, wire.SPAWNER_ANSWER.size, 1)
        except BlockingIOError:
            return
        except OSError:
            message, fds = b"", []
        if len(message) != wire.SPAWNER_ANSWER.size:
            self._give_up(fds, "the cell helper ended")
            return
        answer = wire.decode_answer(message)
        question = self._waiting[0] if self._waiting else None
        if question is None or not question.is_answered_by(answer, fds):
            self._kill()
            self._give_up(fds, "the cell helper answered what it was not asked")
            return
        self._waiting.popleft()
        if not question.future.done():
            question.future.set_result((answer, fds[0] if fds else -1))

    def _kill(self) -> None:
        if not self._closed:
            self._closed = True
            self._end()

    def _give_up(self, fds: Sequence[int], reason: str) -> None:
        for fd in fds:
            os.close(fd)
        self._loop.remove_reader(self._connection.fileno())
        self._fail_waiting(CellLostError("spawner", detail=reason))
        self.ended.set()

    def _fail_waiting(self, error: SandboxError) -> None:
        while self._waiting:
            future = self._waiting.popleft().future
            if not future.done():
                future.set_exception(error)


class _Question(Struct, frozen=True):
    """A message that waits for its answer."""

    op: int
    cell_id: int
    future: asyncio.Future[tuple[wire.SpawnerAnswer, int]]

    def is_answered_by(self, answer: wire.SpawnerAnswer, fds: Sequence[int]) -> bool:
        """Say whether it repeats what was asked and brings a process where, and only where, it made one."""
        made_one = self.op in {wire.OP_SPAWN, wire.OP_ZYGOTE} and not answer.error
        return (answer.op, answer.cell_id) == (self.op, self.cell_id) and len(fds) == made_one


def _close_unwanted_pidfd(future: asyncio.Future[tuple[wire.SpawnerAnswer, int]]) -> None:
    if not future.cancelled() and future.exception() is None and future.result()[1] >= 0:
        os.close(future.result()[1])


def _connected() -> tuple[socket.socket, socket.socket]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)  # noqa: FBT003  # the socket API's own positional flag
    return ours, theirs


def _end_process(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def _end_pidfd(pidfd: int) -> None:
    with suppress(ProcessLookupError):
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    os.close(pidfd)


def _run_helper(helper: Path, connection: socket.socket) -> subprocess.Popen[bytes]:
    """Start the helper with ``connection``, an empty environment and a session of its own."""
    return subprocess.Popen(  # our own helper, no shell, no input in argv
        [str(helper), str(connection.fileno())],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env={},
        cwd="/",
        pass_fds=(connection.fileno(),),
        start_new_session=True,
    )
