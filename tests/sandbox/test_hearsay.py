"""An init or a spawner that a program has taken over: whatever it says, the supervisor lives on, honest."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from cellblock.engine.watch import Observed, Watch
from cellblock.errors import CellLostError, SandboxError
from cellblock.model import Limits
from cellblock.sandbox import cell as cell_module
from cellblock.sandbox import wire
from cellblock.sandbox.cell import Cell
from cellblock.sandbox.leases import CellUids
from cellblock.sandbox.shapes import CellSpec, How, Warm
from cellblock.sandbox.spawner import Init, Spawner
from pace import TIME_SCALE

NOTIFY = wire.FEATURE_SECCOMP | wire.FEATURE_SECCOMP_NOTIFY
ROUNDS = pytest.mark.parametrize(
    "rounds", [40, pytest.param(400, marks=[pytest.mark.slow, pytest.mark.timeout(900)])]
)
LIMITS = Limits(
    memory_bytes=64 << 20,
    cpu_ms=50,
    wall_ms=50,
    processes=4,
    open_files=16,
    file_size_bytes=1 << 20,
    stack_bytes=8 << 20,
    work_area_bytes=1 << 20,
    work_area_inodes=64,
    output_bytes=4096,
)
SPEC = CellSpec(argv=("/bin/true",), environment={}, files=(), stdin=b"", limits=LIMITS, root="host")
BOOTED = Warm(how=How.BOOT, argv=("/bin/true",), environment=(), gate="/box/")


Words = list[tuple[bytes, int]]
"""Messages, each with how many descriptors beside it."""


class TakenOver:
    """Stands for a spawner: the init that it makes is a process that sleeps, and what it says we say."""

    namespaces: frozenset[str] = frozenset()

    def __init__(self) -> None:
        self.process = subprocess.Popen(["/bin/sleep", "600"])
        self.control: socket.socket | None = None
        self.made = asyncio.Event()

    async def spawn(self, _clone_flags: int, fds: list[int]) -> Init:
        self.control = socket.socket(fileno=os.dup(fds[1]))
        self.made.set()
        return Init(self.process.pid, os.pidfd_open(self.process.pid))

    def says(self, message: bytes, fd_count: int = 0) -> None:
        fds = [os.pidfd_open(self.process.pid) for _ in range(fd_count)]
        try:
            socket.send_fds(self.control, [message], fds)
        except OSError:  # it is not heard any more
            pass
        finally:
            for fd in fds:
                os.close(fd)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        if self.control is not None:
            self.control.close()


def event(kind: int, **fields: int) -> bytes:
    values = {
        "error": 0, "wait_status": 0, "reaped": 0, "start_ns": 0, "end_ns": 0, "syscall_nr": 0,
        "syscall_arch": 0,
    }  # fmt: skip
    return wire.CELL_EVENT.pack(kind, *{**values, **fields}.values(), b"step", b"detail")


def ended(wait_status: int = 0) -> bytes:
    now_ns = time.monotonic_ns()
    return event(wire.EVENT_EXITED, wait_status=wait_status, start_ns=now_ns, end_ns=now_ns)


def open_fds() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@asynccontextmanager
async def taken_over(
    *, makes_out: bool = False, warm: Warm | None = None
) -> AsyncIterator[tuple[Cell, TakenOver]]:
    """Lend a cell whose init is ours; afterwards it ends, and not one descriptor is left."""
    before = open_fds()
    init = TakenOver()
    shape = msgspec.structs.replace(SPEC, makes_out=makes_out, warm=warm).shape
    cell = Cell(shape, CellUids(os.getuid(), os.getuid()), None)
    try:
        yield cell, init
    finally:
        await cell.close()
        init.close()
    assert cell.contained
    assert init.process.returncode == -signal.SIGKILL
    assert open_fds() == before


async def to_the_gate(cell: Cell, init: TakenOver, fd_count: int = 2) -> None:
    preparing = asyncio.create_task(cell.prepare(init, 0, NOTIFY))
    await init.made.wait()
    init.says(event(wire.EVENT_READY), fd_count)
    await preparing


async def let_go(cell: Cell) -> asyncio.Task[Observed]:
    """Begin to watch; what init says comes after the gate was opened."""
    running = asyncio.create_task(Watch(cell, SPEC).run())
    await asyncio.sleep(0)
    assert cell.released_ns
    return running


async def run_saying(words: Callable[[], Words]) -> Observed:
    async with taken_over() as (cell, init):
        await to_the_gate(cell, init)
        running = await let_go(cell)
        for message, fd_count in words():
            init.says(message, fd_count)
        return await running


@pytest.mark.parametrize(("status", "code"), [(7 << 8, 7), (0, 0)])
def test_what_an_honest_init_says_is_taken_as_it_is(status, code):
    async def told():
        async with taken_over() as (cell, init):
            await to_the_gate(cell, init)
            running = await let_go(cell)
            init.says(ended(status))
            observed = await running
            return os.waitstatus_to_exitcode(cell.exited.wait_status), observed.killed_for

    assert asyncio.run(told()) == (code, None)


LATER_NS = 1 << 62
LIES = {
    "ready again": lambda: [(event(wire.EVENT_READY), 2)],
    "ended before it began": lambda: [(event(wire.EVENT_EXITED, start_ns=LATER_NS, end_ns=LATER_NS + 1), 0)],
    "ended in the future": lambda: [
        (event(wire.EVENT_EXITED, start_ns=time.monotonic_ns(), end_ns=LATER_NS), 0)
    ],
    "began before the gate": lambda: [(event(wire.EVENT_EXITED, start_ns=1, end_ns=2), 0)],
    "largest times": lambda: [(event(wire.EVENT_EXITED, start_ns=2**64 - 1, end_ns=2**64 - 1), 0)],
    "stopped, not ended": lambda: [(ended(0x137F), 0)],
    "descriptors with an end": lambda: [(ended(), 3)],
    "a kind that there is not": lambda: [(event(77), 0)],
    "booted after its gate was opened": lambda: [(event(wire.EVENT_BOOTED), 0)],
    "a call stopped in no time": lambda: [(event(wire.EVENT_SECCOMP), 0)],
}


@pytest.mark.parametrize("words", LIES.values(), ids=LIES)
def test_what_no_init_says_is_our_failure_and_not_an_answer(words):
    with pytest.raises(SandboxError, match="the cell's init said what it had no reason to say"):
        asyncio.run(run_saying(words))


@pytest.mark.parametrize("fd_count", [0, 1, 3])
@pytest.mark.parametrize("makes_out", [False, True])
def test_ready_with_other_descriptors_than_agreed_is_refused_and_keeps_none(fd_count, makes_out):
    async def ready():
        async with taken_over(makes_out=makes_out) as (cell, init):
            await to_the_gate(cell, init, fd_count)

    if makes_out and fd_count == 3:
        asyncio.run(ready())
    else:
        with pytest.raises(SandboxError, match="no reason to say"):
            asyncio.run(ready())


BOOTING = {
    "ready, then booted": ([(wire.EVENT_READY, 2), (wire.EVENT_BOOTED, 0)], None),
    "booted, but not ready": ([(wire.EVENT_BOOTED, 0)], "no reason to say"),
    "booted twice": (
        [(wire.EVENT_READY, 2), (wire.EVENT_BOOTED, 0), (wire.EVENT_BOOTED, 0)],
        "no reason to say",
    ),
    "descriptors with it": ([(wire.EVENT_READY, 2), (wire.EVENT_BOOTED, 1)], "no reason to say"),
    "ready, and no more": ([(wire.EVENT_READY, 2)], "not ready within"),
}


@pytest.mark.parametrize(("said", "refused"), BOOTING.values(), ids=BOOTING)
def test_cell_with_a_runtime_is_ready_when_that_has_booted_and_not_before(monkeypatch, said, refused):
    monkeypatch.setattr(cell_module, "_PREPARE_TIMEOUT_S", 2 if refused != "not ready within" else 0.2)

    async def ready():
        async with taken_over(warm=BOOTED) as (cell, init):
            preparing = asyncio.create_task(cell.prepare(init, 0, NOTIFY))
            await init.made.wait()
            for kind, fd_count in said:
                init.says(event(kind), fd_count)
            await preparing

    if refused is None:
        asyncio.run(ready())
    else:
        with pytest.raises(SandboxError, match=refused):
            asyncio.run(ready())


def test_descriptor_that_is_no_process_is_refused():
    async def ready():
        async with taken_over() as (cell, init):
            preparing = asyncio.create_task(cell.prepare(init, 0, 0))
            await init.made.wait()
            null = os.open("/dev/null", os.O_RDONLY)
            socket.send_fds(init.control, [event(wire.EVENT_READY)], [null])
            os.close(null)
            await preparing

    with pytest.raises(SandboxError, match="read_back"):
        asyncio.run(ready())


def test_init_that_never_stops_talking_holds_nobody_up():
    """The loop is free again at once, though the socket is never empty."""

    async def flooded() -> float:
        async with taken_over() as (cell, init):
            await to_the_gate(cell, init)
            running = await let_go(cell)
            stop = threading.Event()
            now_ns = time.monotonic_ns()
            word = event(wire.EVENT_SECCOMP, start_ns=now_ns, end_ns=now_ns)
            # One ends the run and is no fault; the second is there before the loop looks.
            init.says(word)
            init.says(word)

            def talk() -> None:
                while not stop.is_set():
                    try:
                        init.control.send(word, socket.MSG_NOSIGNAL)
                    except OSError:
                        return

            talking = threading.Thread(target=talk)
            talking.start()
            begun_s = time.monotonic()
            with pytest.raises(SandboxError, match="no reason to say"):
                await asyncio.wait_for(running, 20)
            took_s = time.monotonic() - begun_s
            stop.set()
            talking.join(20)
            return took_s

    assert asyncio.run(flooded()) < 5 * TIME_SCALE


@ROUNDS
def test_random_words_end_in_a_verdict_or_our_failure_and_leave_nothing(rounds):
    chance = random.Random(7)  # noqa: S311  # the same words each time

    def number() -> int:
        now_ns = time.monotonic_ns()
        return chance.choice([0, 1, 9, 127, 256, 0x7F, 2**31 - 1, now_ns, now_ns, chance.getrandbits(31)])

    def word() -> tuple[bytes, int]:
        kind = chance.choice([1, 2, 3, 4, 4, 5, chance.getrandbits(32)])
        fields = ("wait_status", "start_ns", "end_ns", "syscall_nr", "syscall_arch", "reaped", "error")
        values = {name: number() % (2**31 if "ns" not in name else 2**64) for name in fields}
        message = bytearray(event(kind, **values))
        for _ in range(chance.choice([0, 0, 3])):
            message[chance.randrange(len(message))] = chance.getrandbits(8)
        size = chance.choice([len(message), len(message), 5])
        return bytes(message[:size]), chance.choice([0, 0, 0, 1, 2, 3])

    def words() -> Words:
        return [word() for _ in range(chance.randint(1, 4))]

    ends = set()
    for _ in range(rounds):
        try:
            asyncio.run(run_saying(words))
        except SandboxError as failure:
            ends.add(failure.step)
        else:
            ends.add("observed")
    assert {"protocol", "observed"} <= ends


# ---- the spawner ----


@asynccontextmanager
async def spawner_of_ours() -> AsyncIterator[tuple[Spawner, socket.socket]]:
    before = open_fds()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)  # noqa: FBT003  # the socket API's own positional flag
    process = subprocess.Popen(["/bin/sleep", "600"])

    def end() -> None:
        process.kill()
        process.wait()

    spawner = Spawner(process.pid, end, ours)
    try:
        yield spawner, theirs
    finally:
        spawner.close()
        theirs.close()
    assert open_fds() == before


def answer(op: int = wire.OP_SPAWN, cell_id: int = 1, error: int = 0) -> bytes:
    return wire.SPAWNER_ANSWER.pack(op, cell_id, 42, error, b"step", b"detail")


ANSWERS = {
    "no init": (answer(), 0),
    "an init that failed": (answer(error=1), 1),
    "another cell's": (answer(cell_id=2), 1),
    "another question's": (answer(op=wire.OP_TEMPLATE), 1),
    "half of one": (answer()[:50], 1),
}


@pytest.mark.parametrize(("message", "fd_count"), ANSWERS.values(), ids=ANSWERS)
def test_answer_that_does_not_fit_its_question_ends_the_spawner(message, fd_count):
    async def ask():
        async with spawner_of_ours() as (spawner, theirs):
            asking = asyncio.create_task(spawner.spawn(0, []))
            await asyncio.sleep(0)
            null = os.open("/dev/null", os.O_RDONLY)
            socket.send_fds(theirs, [message], [null] * fd_count)
            os.close(null)
            try:
                await asyncio.wait_for(asking, 10)
            finally:
                assert spawner.ended.is_set()

    with pytest.raises(CellLostError, match="the cell helper"):
        asyncio.run(ask())


def test_answer_that_nobody_asked_for_ends_the_spawner():
    async def listen():
        async with spawner_of_ours() as (spawner, theirs):
            socket.send_fds(theirs, [answer()], [theirs.fileno()])
            await asyncio.wait_for(spawner.ended.wait(), 10)
            with pytest.raises(CellLostError):
                await spawner.spawn(0, [])

    asyncio.run(listen())
