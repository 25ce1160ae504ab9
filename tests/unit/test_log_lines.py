"""Log lines that are written together: none lost, none out of order, nobody held up by a log that fails."""

from __future__ import annotations

import os
import socket
import threading
import time

import pytest

from cellblock.app.log_lines import LogLines


@pytest.fixture
def ends():
    """A descriptor each of whose writes is one message, and the socket that receives them."""
    receiver, sender = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    receiver.settimeout(10)
    with receiver, sender:
        yield sender.fileno(), receiver


def left(receiver: socket.socket) -> list[str]:
    """Every write that has not been received."""
    receiver.settimeout(0)
    writes = []
    while True:
        try:
            writes.append(receiver.recv(1 << 20).decode())
        except BlockingIOError:
            return writes


def test_lines_that_come_together_are_one_write_in_their_order(ends):
    descriptor, receiver = ends
    lines = LogLines(descriptor)
    with lines.together():
        for number in range(100):
            lines.put(f"line {number}")
        first = receiver.recv(1 << 20).decode()
    rest = left(receiver)
    assert (first + "".join(rest)).splitlines() == [f"line {number}" for number in range(100)]
    assert len(rest) <= 3  # the thread may have come between, but never for each


def test_line_is_written_soon_though_none_follows(ends):
    descriptor, receiver = ends
    lines = LogLines(descriptor)
    with lines.together():
        for number in range(3):
            lines.put(f"line {number}")
            assert receiver.recv(1 << 20).decode() == f"line {number}\n"


def test_urgent_line_is_written_at_once_behind_what_came_before(ends):
    descriptor, receiver = ends
    lines = LogLines(descriptor)
    with lines.together():
        lines.put("first")
        lines.put_now("second")
        assert "".join(left(receiver)) == "first\nsecond\n"


def test_nothing_is_left_when_the_block_ends_by_an_exception(ends):
    descriptor, receiver = ends
    lines = LogLines(descriptor)

    def fail() -> None:
        with lines.together():
            lines.put("last words")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert left(receiver) == ["last words\n"]
    lines.put("afterwards")
    assert left(receiver) == ["afterwards\n"]


def test_threads_that_write_at_once_lose_and_reorder_nothing():
    reading, writing = os.pipe()
    lines = LogLines(writing)
    received = bytearray()

    def read() -> None:
        while piece := os.read(reading, 65536):
            received.extend(piece)

    def write(name: int) -> None:
        for number in range(2000):
            (lines.put_now if number % 50 == 0 else lines.put)(f"{name} {number}")

    reader = threading.Thread(target=read)
    reader.start()
    with lines.together():
        writers = [threading.Thread(target=write, args=(name,)) for name in range(4)]
        for thread in writers:
            thread.start()
        for thread in writers:
            thread.join()
    os.close(writing)
    reader.join()
    os.close(reading)
    by_name = {str(name): [] for name in range(4)}
    for line in received.decode().splitlines():
        name, number = line.split()
        by_name[name].append(int(number))
    assert all(numbers == list(range(2000)) for numbers in by_name.values())


def test_reader_that_is_too_slow_slows_the_writer_and_costs_no_memory():
    reading, writing = os.pipe()
    lines = LogLines(writing)
    line = "x" * 999
    put = 0

    def write() -> None:
        nonlocal put
        for _ in range(10_000):
            lines.put(line)
            put += 1

    with lines.together():
        writer = threading.Thread(target=write)
        writer.start()
        before = -1
        while before != put or put == 0:
            before = put
            time.sleep(0.2)
        assert put < 10_000  # 4096 that wait, those that are being written, and one more
        received = 0
        while received < 10_000 * 1000:
            received += len(os.read(reading, 1 << 20))
        writer.join()
    os.close(writing)
    assert os.read(reading, 1) == b""
    os.close(reading)


def test_lines_that_nobody_can_take_are_dropped_and_a_torn_one_is_ended():
    reading, writing = os.pipe()
    os.set_blocking(writing, False)  # a pipe that is full then says so, as a disk does
    lines = LogLines(writing)
    lines.put("x" * 1_000_000)
    torn = os.read(reading, 1 << 20)
    assert 0 < len(torn) < 1_000_000
    lines.put("whole again")
    assert os.read(reading, 1 << 20) == b"\nwhole again\n"
    os.close(reading)
    lines.put("nobody is there")
    os.close(writing)
    lines.put("the descriptor is closed")
    LogLines(None).put("there never was one")
