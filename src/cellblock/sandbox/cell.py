"""One cell, used once: made, read back, given its job, watched, ended, removed.

``Cell.prepare`` returns with the program confined and waiting at its gate: nothing of a submission
need be known by then. ``release`` hands the job over and opens the gate. Whatever happens, ``close``
ends everything and says whether nothing was left.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable, Sequence

from cellblock.errors import CellLostError, SandboxError
from cellblock.sandbox import wire
from cellblock.sandbox.cgroups import CellCgroup, Counters
from cellblock.sandbox.controls import WRITABLE, Controls, Meant
from cellblock.sandbox.features import CLONE_FLAGS
from cellblock.sandbox.hearsay import may_be_heard
from cellblock.sandbox.leases import CellUids
from cellblock.sandbox.read_back import lives, read_back
from cellblock.sandbox.requests import cell_request
from cellblock.sandbox.shapes import CellShape, CellSpec
from cellblock.sandbox.sockets import SocketCounts
from cellblock.sandbox.spawner import Init, Spawner, memory_file
from cellblock.sandbox.stdin import Stdin

_PREPARE_TIMEOUT_S = 10
_END_TIMEOUT_S = 10
_REMOVE_TIMEOUT_S = 5


class Cell:
    """One cell. What happens in it is told on the running loop through ``on_event``."""

    def __init__(
        self, shape: CellShape, uids: CellUids, cgroup: CellCgroup | None, layers: Sequence[str] = ()
    ) -> None:
        """Open the pipes; the processes come with ``prepare``. ``layers`` are the mounts of its root."""
        self.shape = shape
        self.spec: CellSpec | None = None
        """What runs in it, from ``release`` on."""
        self.contained: bool | None = None
        """After ``close``: whether nothing of the cell is left."""
        self.controls: Controls | None = None
        self.cpu_baseline_usec = 0
        """CPU that set-up used inside the limited cgroup, not counted for the program."""
        self.spawn_begun_ns = self.spawned_ns = 0
        """CLOCK_MONOTONIC when its processes were asked for, and when they were confined."""
        self.released_ns = 0
        """CLOCK_MONOTONIC when the job was handed over, as seen here."""
        self.exited: wire.CellEvent | None = None
        self.stopped_by_filter: wire.CellEvent | None = None
        self.failure: SandboxError | None = None
        self.ended = asyncio.Event()
        """Init is gone, and with it every process of the cell."""
        self.on_event: Callable[[], None] = lambda: None
        """Called after every event that the cell told."""
        self._layers = layers
        self._uids = uids
        self._cgroup = cgroup
        self._loop = asyncio.get_running_loop()
        self._ready = asyncio.Event()
        self._ready_fds = 0
        self._told: set[int] = set()
        self._init: Init | None = None
        self._program_pidfd = -1
        self._out_fd = -1
        self._listener_fd = -1  # held, never read: see report_ready in init.c
        self._network_is_up = False
        self._socket_counts: SocketCounts | None = None
        self._control, self._their_control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.setblocking(False)  # noqa: FBT003  # the socket API's own positional flag
        with contextlib.ExitStack() as undo:
            self.stdout_fd, self._stdout_write = _pipe(uids.program_uid)
            undo.callback(_close_all, (self.stdout_fd, self._stdout_write))
            self.stderr_fd, self._stderr_write = _pipe(uids.program_uid)
            undo.callback(_close_all, (self.stderr_fd, self._stderr_write))
            self._stdin = Stdin(uids.program_uid)
            undo.pop_all()

    async def prepare(self, spawner: Spawner, clone_flags: int, features: int, networks_fd: int = -1) -> None:
        """Make the processes and read the controls back; raises ``SandboxError``.

        ``networks_fd`` is that of ``NetworkSettings``, for a network of the cell's own that is up.
        Among them ``CellLostError`` where the processes were ended meanwhile, which no submission can do.
        """
        listening = wire.FEATURE_SECCOMP | wire.FEATURE_SECCOMP_NOTIFY
        self._ready_fds = 1 + self.shape.makes_out + (features & listening == listening)
        self.spawn_begun_ns = time.monotonic_ns()
        if self._cgroup and self.shape.boots:  # that takes long, and nobody waits for it
            self._cgroup.yield_cpu(to_runs=True)
        # Without a network of its own it would be the host's that is set and raised.
        up = self.shape.loopback and bool(clone_flags & CLONE_FLAGS["net"])
        small = up and networks_fd >= 0
        self._network_is_up = up
        features |= wire.FEATURE_LOOPBACK * up | wire.FEATURE_SMALL_SOCKETS * small
        request_fd = memory_file("request", self._request(features))
        try:
            fds = [
                request_fd,
                self._their_control.fileno(),
                self._stdin.read_fd,
                self._stdout_write,
                self._stderr_write,
            ]
            fds += [self.stdout_fd, self.stderr_fd, *(self._cgroup.join_fds if self._cgroup else ())]
            fds += [networks_fd] * small
            self._init = await spawner.spawn(clone_flags, fds)
        finally:
            os.close(request_fd)
            self._close_their_ends()
        self._loop.add_reader(self._control.fileno(), self._on_control)
        self._loop.add_reader(self._init.pidfd, self._on_init_ended)
        try:
            await asyncio.wait_for(self._ready.wait(), _PREPARE_TIMEOUT_S)
        except TimeoutError:
            raise SandboxError("prepare", detail=f"not ready within {_PREPARE_TIMEOUT_S} s") from None
        if self.failure:
            raise self.failure
        self.spawned_ns = time.monotonic_ns()
        self._read_back(spawner.namespaces)

    def take_out(self) -> int:
        """Hand over the detached mount of what the program wrote to ``/out``; the caller closes it.

        Worth something only when every process of the cell is dead: until then it changes.
        """
        out_fd, self._out_fd = self._out_fd, -1
        return out_fd

    def release(self, spec: CellSpec) -> None:
        """Hand the job over, of this cell's shape; the program starts, and its stdin begins to flow.

        Raises ``SandboxError`` where its share of the CPU or what was used before cannot be had.
        """
        self.spec = spec
        if self._cgroup and self.shape.boots:
            self._cgroup.yield_cpu(to_runs=False)
        try:
            self.cpu_baseline_usec = (self._cgroup.cpu_usage_usec() if self._cgroup else None) or 0
        except OSError as error:
            raise SandboxError("read_back", error.errno or 0, str(error)) from error
        job_fd = memory_file("job", wire.encode_job(spec.files, spec.argv, spec.environment))
        self.released_ns = time.monotonic_ns()
        # An init that is gone is noticed by its pidfd.
        with contextlib.suppress(OSError):
            socket.send_fds(
                self._control, [wire.COMMAND_JOB], [job_fd, *([spec.out_fd] if spec.out_fd >= 0 else ())]
            )
        os.close(job_fd)
        self._stdin.feed(spec.stdin)

    def drain(self, fd: int) -> None:
        """Have init throw away what still comes from ``stdout_fd`` or ``stderr_fd``."""
        self._command(wire.COMMAND_DRAIN_STDOUT if fd == self.stdout_fd else wire.COMMAND_DRAIN_STDERR)

    def cpu_usage_usec(self) -> int | None:
        """CPU time of the program and its children so far; ``None`` without the counter."""
        used = self._cgroup.cpu_usage_usec() if self._cgroup else None
        return None if used is None else max(0, used - self.cpu_baseline_usec)

    def socket_bytes(self) -> int | None:
        """What waits in its sockets; ``None`` without a network that is up, or where nobody has to look."""
        return self._cgroup.socket_bytes() if self._cgroup and self.shape.loopback else None

    def tcp_sockets(self) -> int | None:
        """How many its network has, whoever has them; ``None`` without one that is up, and after the end."""
        if self._network_is_up and self._socket_counts is None and self._init is not None:
            try:
                self._socket_counts = SocketCounts(self._init.pid)
            except (FileNotFoundError, ProcessLookupError):
                if lives(self._init.pidfd):
                    raise
        return self._socket_counts.tcp() if self._socket_counts else None

    def living_processes(self) -> int | None:
        """How many processes are in the cell besides init; ``None`` without a cgroup."""
        return len(self._cgroup.process_ids()) if self._cgroup else None

    def program_lives(self) -> bool:
        """Say whether the program itself is seen not to have begun to end."""
        return self._program_pidfd >= 0 and lives(self._program_pidfd)

    def hear(self) -> None:
        """Hear what init has said by now, without waiting for the loop to come to it."""
        self._on_control()

    def kill(self) -> None:
        """End every process of the cell. What init had said before is heard first."""
        self.hear()
        try:
            if self._cgroup:
                self._cgroup.kill()
        finally:
            if self._init and not self.ended.is_set():
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(self._init.pidfd, signal.SIGKILL)

    async def wait_ended(self) -> None:
        """Wait until no process of the cell is left; raises ``SandboxError`` where that does not happen."""
        try:
            await asyncio.wait_for(self.ended.wait(), _END_TIMEOUT_S)
        except TimeoutError:
            raise SandboxError("end", detail=f"processes outlived SIGKILL for {_END_TIMEOUT_S} s") from None

    def counters(self) -> Counters | None:
        """Read the cgroup once, after the end; ``None`` without a cgroup."""
        return self._cgroup.counters() if self._cgroup else None

    async def close(self) -> None:
        """End and remove everything; ``contained`` says afterwards whether nothing is left."""
        with contextlib.suppress(SandboxError):  # what is left is seen below
            self.kill()
        if self._init:
            with contextlib.suppress(SandboxError):
                await self.wait_ended()
        self._close_their_ends()
        self._stdin.close()
        self._close_control()
        if self._socket_counts:
            self._socket_counts.close()
            self._socket_counts = None
        self._network_is_up = False
        for fd in (self.stdout_fd, self.stderr_fd, self._program_pidfd, self._out_fd, self._listener_fd):
            _close(fd)
        self.stdout_fd = self.stderr_fd = self._program_pidfd = self._out_fd = self._listener_fd = -1
        removed = await self._remove_cgroup()
        self.contained = self._init_has_gone() and removed

    def has_gone(self) -> bool:
        """Try once more what ``close`` could not: whether by now nothing is left."""
        return self._init_has_gone() and (self._cgroup is None or self._cgroup.remove())

    def _init_has_gone(self) -> bool:
        """Let go of init where it has ended; of one that has not, only this end tells."""
        if self._init is not None and self.ended.is_set():
            os.close(self._init.pidfd)
            self._init = None
        return self._init is None

    # ---- set-up ----

    def _request(self, features: int) -> bytes:
        if self._cgroup is not None and self._cgroup.born_inside:
            features |= wire.FEATURE_CGROUP_V2
        return cell_request(self.shape, self._uids, features, self._layers)

    def _read_back(self, outside: frozenset[str]) -> None:
        meant = Meant(
            limits=self.shape.limits,
            program_uid=self._uids.program_uid,
            outside=outside,
            writable=WRITABLE | {"/out"} if self.shape.makes_out else WRITABLE,
        )
        self.controls = read_back(self._program_pidfd, self._cgroup, meant)

    # ---- what the cell says ----

    def _on_control(self) -> None:
        while self._control.fileno() >= 0:
            try:
                message, fds, _, _ = socket.recv_fds(self._control, wire.CELL_EVENT.size, wire.READY_FDS_MAX)
            except BlockingIOError:
                return
            except OSError:
                message, fds = b"", []
            if len(message) != wire.CELL_EVENT.size:
                _close_all(fds)
                self._close_control()
                return
            event = wire.decode_event(message)
            if may_be_heard(
                event, len(fds), ready_fds=self._ready_fds, told=self._told, released_ns=self.released_ns
            ):
                self._hear(event, fds)
            else:
                self._distrust(fds)

    def _distrust(self, fds: list[int]) -> None:
        """Hear nothing more of an init that said what none says; the run is our failure."""
        _close_all(fds)
        self._close_control()
        self.failure = SandboxError("protocol", detail="the cell's init said what it had no reason to say")
        self._ready.set()
        self.on_event()

    def _hear(self, event: wire.CellEvent, fds: list[int]) -> None:
        self._told.add(event.kind)
        if event.kind == wire.EVENT_READY:
            self._program_pidfd, *rest = fds
            if self.shape.makes_out:
                self._out_fd, *rest = rest
            self._listener_fd = rest[0] if rest else -1
            if not self.shape.boots:
                self._ready.set()
        elif event.kind == wire.EVENT_BOOTED:
            self._ready.set()
        elif event.kind == wire.EVENT_EXITED:
            self.exited = event
        elif event.kind == wire.EVENT_SECCOMP:
            self.stopped_by_filter = event
        else:
            self.failure = SandboxError(event.step or "protocol", event.error, event.detail)
            self._ready.set()
        self.on_event()

    def _on_init_ended(self) -> None:
        if self._init is None or self.ended.is_set():
            return
        self._loop.remove_reader(self._init.pidfd)
        self._on_control()  # its last words may still be in the socket
        if not self._ready.is_set():
            self.failure = self.failure or CellLostError("init", detail="the cell's init ended during set-up")
            self._ready.set()
        self.ended.set()
        self.on_event()

    def _command(self, command: bytes) -> None:
        # An init that is gone is noticed by its pidfd.
        with contextlib.suppress(OSError):
            self._control.send(command)

    # ---- the end ----

    def _close_their_ends(self) -> None:
        """Close what now belongs to the cell alone, or its pipes would never end."""
        self._their_control.close()
        self._stdin.close_read_end()
        for fd in (self._stdout_write, self._stderr_write):
            _close(fd)
        self._stdout_write = self._stderr_write = -1

    def _close_control(self) -> None:
        if self._control.fileno() >= 0:
            self._loop.remove_reader(self._control.fileno())
            self._control.close()

    async def _remove_cgroup(self) -> bool:
        """Remove the group; v1 needs a moment after the last task is gone."""
        if self._cgroup is None:
            return True
        deadline = time.monotonic() + _REMOVE_TIMEOUT_S
        pause_s = 0.0005
        while not self._cgroup.remove():
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, 0.05)
        return True


def _pipe(owner_uid: int) -> tuple[int, int]:
    """Return read and write end; only the read end does not block, because only it is ours.

    The program owns its pipes, or it could not open them by name (``/dev/stdout``).
    """
    read, write = os.pipe2(os.O_CLOEXEC)
    os.fchown(read, owner_uid, owner_uid)
    os.set_blocking(read, False)  # the os API's own positional flag
    return read, write


def _close(fd: int) -> None:
    if fd >= 0:
        os.close(fd)


def _close_all(fds: Sequence[int]) -> None:
    for fd in fds:
        os.close(fd)
