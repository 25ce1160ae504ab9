"""A running supervisor and a service that was taken over: it lives, holds little, runs the next job."""

from __future__ import annotations

import asyncio
import errno
import os
import random
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cellblock import config
from cellblock.app import children
from cellblock.model import Job, Outcome, Profile, SourceFile, StageLimits, Verdict
from cellblock.supervisor import server
from cellblock.supervisor.client import SupervisorClient
from cellblock.supervisor.frames import FrameReader, encode_frame
from cellblock.supervisor.messages import CancelRequest, ProbeRequest, RunRequest, decode_reply, encode
from pace import TIME_SCALE
from sandbox.cells import own_uid_range

MIB = 1 << 20
ROUNDS = pytest.mark.parametrize(
    "rounds", [150, pytest.param(5000, marks=[pytest.mark.slow, pytest.mark.timeout(900)])]
)
GROWTH_BYTES = 64 * MIB
"""More than this after thousands of broken messages would be a leak."""


class Supervisor:
    """The real process, and raw connections to it."""

    def __init__(self, path: Path, process: children.Process) -> None:
        self.path = path
        self.process = process

    @contextmanager
    def connected(self) -> Iterator[socket.socket]:
        with socket.socket(socket.AF_UNIX) as peer:
            deadline_s = time.monotonic() + 20
            while (refused := peer.connect_ex(str(self.path))) != 0:  # it has not accepted those before yet
                assert refused == errno.EAGAIN, os.strerror(refused)
                assert time.monotonic() < deadline_s
                time.sleep(0.005)
            peer.settimeout(20)
            yield peer

    def sends(self, stream: bytes) -> None:
        """Send, and leave without listening; the other end may have closed before."""
        with self.connected() as peer, suppress(BrokenPipeError, ConnectionResetError):
            assert peer.recv(1)  # greeted, not turned away
            peer.sendall(stream)

    def resident_bytes(self) -> int:
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("the supervisor has ended")

    def descriptors(self) -> int:
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def run(self, code: str = "print(6 * 7)") -> Outcome:
        async def ask() -> Outcome:
            client = SupervisorClient(self.path)
            await client.start()
            try:
                async with asyncio.timeout(60):
                    status = await client.wait_ready()
                    while not any(one.available and one.name == "python" for one in status.languages):
                        await asyncio.sleep(0.05)
                        status = await client.wait_ready()
                    return await client.run(job(code))
            finally:
                await client.close()

        return asyncio.run(ask())

    def assert_well(self) -> None:
        assert self.process.poll() is None, "the supervisor has ended"
        outcome = self.run()
        assert (outcome.verdict, outcome.stdout) == (Verdict.AC, b"42\n"), outcome.error_message


def job(code: str = "print(6 * 7)", **changes: Any) -> Job:
    fields = {"id": "x", "language": "python", "files": (SourceFile("", code.encode()),)}
    return Job(**{**fields, **changes})


@pytest.fixture(scope="module")
def supervisor(tmp_path_factory) -> Iterator[Supervisor]:
    directory = tmp_path_factory.mktemp("supervisor")
    settings = config.load(
        {
            "uid_range": own_uid_range(),
            "toolchain_dir": str(directory / "none"),
            "worker_slots": "4",
            # What waits for the next job is no leak, but would be counted as one.
            "warm_starts": "false",
            "pool_cells_max": "0",
        },
        {"CELLBLOCK_NODE_ID": "node-under-test", "CELLBLOCK_LOG_LEVEL": "error"},
    )
    path = directory / "supervisor.sock"
    with children.listen(path) as listening, (directory / "log").open("wb") as log:
        process = children.start_supervisor(settings, listening, log=log)
    try:
        started = Supervisor(path, process)
        started.assert_well()
        yield started
    finally:
        process.terminate()
        assert process.wait(30) == 0
    # A request that fails is told with its traceback; nothing else may have gone wrong.
    said = (directory / "log").read_text()
    assert said.count("Traceback") <= said.count("request failed"), said


def joined(message: Any) -> bytes:
    return b"".join(encode(message))


REAL = [
    joined(RunRequest(1, job())),
    joined(RunRequest(2, job("import sys; print(sys.stdin.read())", stdin=b"x" * 300, args=("a", "b")))),
    joined(RunRequest(3, job(run=StageLimits(wall_ms=100, cpu_ms=100, memory_bytes=1 << 25), loopback=True))),
    joined(RunRequest(4, job(files=(SourceFile("main.py", b"1"), SourceFile("d/x", b"2"))))),
    joined(RunRequest(5, job(profile=Profile.EXECUTOR, runtime="python-host"))),
    joined(CancelRequest(1)),
    joined(ProbeRequest(6)),
]


@ROUNDS
def test_broken_frames_end_their_connection_and_nothing_else(supervisor, rounds):
    chance = random.Random(11)  # noqa: S311  # the same frames each time
    before_bytes, before_fds = supervisor.resident_bytes(), supervisor.descriptors()
    for _ in range(rounds):
        stream = bytearray(b"".join(chance.choices(REAL[:-1], k=chance.randint(1, 3))))
        for _ in range(chance.randint(1, 6)):
            at = chance.randrange(len(stream))
            match chance.randrange(4):
                case 0:
                    stream[at] ^= 1 << chance.randrange(8)
                case 1:
                    stream[at : at + 4] = struct.pack(">I", chance.choice([0, 1, 2**31, 2**32 - 1]))
                case 2:
                    del stream[at : at + chance.randint(1, 40)]
                case _:
                    stream[at:at] = chance.randbytes(chance.randint(1, 40))
            if not stream:
                break
        supervisor.sends(bytes(stream))
    supervisor.assert_well()
    until_at_most(supervisor.descriptors, before_fds)
    assert supervisor.resident_bytes() - before_bytes < GROWTH_BYTES


NUMBERS = [0, 1, -1, 2**31, -(2**63), 2**63 - 1, 2**64 - 1]
VALUES: list[Any] = [
    *NUMBERS, None, True, 1e308, float("nan"), "", "x", "\0", "../..", "/etc/shadow", "é" * 300, b"",
    b"\0" * 70_000, [], {}, [[]], {"name": 1},
]  # fmt: skip


def altered(chance: random.Random, value: Any) -> Any:
    """Change one thing somewhere in a message, by kind or by amount."""
    if isinstance(value, dict) and value and chance.random() < 0.9:
        key = chance.choice(list(value))
        return {**value, key: altered(chance, value[key])}
    if isinstance(value, list) and value and chance.random() < 0.9:
        at = chance.randrange(len(value))
        return [*value[:at], altered(chance, value[at]), *value[at + 1 :]]
    return chance.choice(VALUES)


@ROUNDS
def test_whole_messages_with_other_values_are_answered_or_refused(supervisor, rounds):
    chance = random.Random(12)  # noqa: S311  # the same messages each time
    before_bytes = supervisor.resident_bytes()
    usual = [msgspec.msgpack.decode(frame[8:]) for frame in REAL[:-1]]
    for _ in range(rounds):
        message = altered(chance, chance.choice(usual))
        supervisor.sends(b"".join(encode_frame(msgspec.msgpack.encode(message))))
    supervisor.assert_well()
    assert supervisor.resident_bytes() - before_bytes < GROWTH_BYTES


def replies_to(supervisor: Supervisor, *messages: Any, count: int) -> list[Any]:
    """Send on one connection and return so many replies to them, statuses left out."""
    heard: list[Any] = []
    reader = FrameReader(lambda *frame: heard.append(decode_reply(*frame)))
    with supervisor.connected() as peer:
        peer.sendall(b"".join(map(joined, messages)))
        while len(replies := [one for one in heard if hasattr(one, "seq")]) < count:
            received = peer.recv(65536)
            assert received, f"closed after {replies}"
            reader.feed(memoryview(received))
    return replies


@pytest.mark.parametrize(
    "changes",
    [
        {"files": ()},
        {"files": (SourceFile("x", b""),) * 2},
        {"files": (SourceFile("", b"1"), SourceFile("../x", b"")), "runtime": "python-host"},
        {"files": (SourceFile("", b"1"), SourceFile("n\0ul", b"")), "runtime": "python-host"},
        {"args": ("n\0ul",), "runtime": "python-host"},
        {"run": StageLimits(memory_bytes=-1), "runtime": "python-host"},
        {"run": StageLimits(memory_bytes=0), "runtime": "python-host"},
        {"run": StageLimits(wall_ms=-1, cpu_ms=-5), "runtime": "python-host"},
        {"run": StageLimits(cpu_ms=-(2**62)), "runtime": "python-host"},
        {"language": "\0", "runtime": "../../etc"},
        {"args": ("x" * 3_000_000,), "runtime": "python-host"},
    ],
    ids=str,
)
def test_job_that_no_service_of_ours_would_send_gets_an_answer(supervisor, changes):
    (reply,) = replies_to(supervisor, RunRequest(9, job(**changes)), count=1)
    assert reply.seq == 9
    supervisor.assert_well()


def test_nested_beyond_all_bounds_is_refused(supervisor):
    nested = b"\x82\xa4type\xa6cancel\xa1x" + b"\x91" * 200_000 + b"\x00"
    supervisor.sends(b"".join(encode_frame(nested)))
    supervisor.assert_well()


def test_same_number_twice_ends_the_connection_and_both_runs(supervisor):
    sleeper = job("import time; time.sleep(5)")
    with supervisor.connected() as peer:
        peer.sendall(joined(RunRequest(1, sleeper)) + joined(RunRequest(1, sleeper)))
        while peer.recv(65536):
            pass
    begun_s = time.monotonic()
    for _ in range(4):  # as many as there are slots: none is still taken
        supervisor.assert_well()
    assert time.monotonic() - begun_s < 5 * TIME_SCALE


def test_attachments_are_refused_before_they_come(supervisor):
    with supervisor.connected() as peer:
        peer.sendall(struct.pack(">III", 10, 1, 100 * MIB))
        while peer.recv(65536):
            pass


def test_more_peers_than_it_takes_are_turned_away_and_others_served(supervisor):
    peers = []
    try:
        for _ in range(server._MOST_PEERS + 8):
            peer = socket.socket(socket.AF_UNIX)
            peer.settimeout(20)
            peer.connect(str(supervisor.path))
            peers.append(peer)
        greeted = []
        for peer in peers:
            try:
                greeted.append(bool(peer.recv(8)))
            except ConnectionResetError:
                greeted.append(False)
        assert greeted.count(True) == server._MOST_PEERS
    finally:
        for peer in peers:
            peer.close()
    supervisor.assert_well()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_flood_of_requests_is_held_back_and_costs_little_memory(supervisor):
    """A peer that asks for ever and never listens has to wait, and its memory is bounded."""
    before_bytes = supervisor.resident_bytes()
    frames = (
        joined(RunRequest(number, job("import time; time.sleep(60)", stdin=bytes(4 * MIB))))
        for number in range(1000)
    )
    sent_bytes = 0
    with supervisor.connected() as one, supervisor.connected() as other:
        for peer in (one, other):  # what one may not send any more, the other may not either
            peer.settimeout(5)
            with suppress(TimeoutError):
                while True:
                    frame = next(frames)
                    peer.sendall(frame)
                    sent_bytes += len(frame)
        assert server._HELD_BYTES / 2 < sent_bytes < 2 * server._HELD_BYTES
        assert supervisor.resident_bytes() - before_bytes < 2 * server._HELD_BYTES
    supervisor.assert_well()


def test_a_request_longer_than_any_can_be_is_refused_before_it_has_come(supervisor):
    with supervisor.connected() as peer:
        peer.sendall(struct.pack(">II", server._REQUEST_MAX_BYTES + 1, 0))
        assert_turned_away(peer)
    supervisor.assert_well()


def assert_turned_away(peer: socket.socket) -> None:
    """Read to the end that the other side made, within the socket's time."""
    with suppress(ConnectionResetError):
        while peer.recv(1 << 16):
            pass


def test_probes_by_the_hundred_come_one_after_another_and_find_the_host_well(supervisor):
    with supervisor.connected() as peer:
        peer.sendall(b"".join(joined(ProbeRequest(number)) for number in range(200)))
        time.sleep(0)
        supervisor.assert_well()


def until_at_most(read: Any, wanted: int) -> None:
    """Wait for the end of what is left; of what went before, more may have been counted than was to stay."""
    deadline_s = time.monotonic() + 20
    while (found := read()) > wanted:
        assert time.monotonic() < deadline_s, f"{found}, not {wanted}"
        time.sleep(0.02)
