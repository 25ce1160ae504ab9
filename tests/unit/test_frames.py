"""Frames: however they are cut, the same comes out; what breaks the rules is refused before it is read."""

from __future__ import annotations

import asyncio
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellblock.supervisor.frames import (
    MAX_ATTACHED_BYTES,
    MAX_ATTACHMENTS,
    MAX_PAYLOAD_BYTES,
    Connection,
    FrameReader,
    ProtocolError,
    encode_frame,
)
from doubles import until

FRAMES = st.lists(st.tuples(st.binary(max_size=50), st.lists(st.binary(max_size=50), max_size=4)), max_size=5)


@given(frames=FRAMES, cuts=st.lists(st.integers(1, 40), min_size=1))
def test_frames_come_out_as_they_went_in_however_the_stream_is_cut(frames, cuts):
    stream = b"".join(b"".join(encode_frame(payload, attached)) for payload, attached in frames)
    seen = []
    reader = FrameReader(lambda payload, attached: seen.append((payload, list(attached))))
    position = number = 0
    while position < len(stream):
        size = cuts[number % len(cuts)]
        reader.feed(memoryview(stream)[position : position + size])
        position, number = position + size, number + 1
    assert seen == frames
    assert not reader.inside


@given(frame=st.tuples(st.binary(max_size=9), st.lists(st.binary(max_size=9), max_size=3)), data=st.data())
def test_reader_knows_whether_it_is_inside_a_frame(frame, data):
    stream = b"".join(encode_frame(*frame))
    cut = data.draw(st.integers(1, len(stream) - 1))
    reader = FrameReader(lambda *_: None)
    assert not reader.inside
    reader.feed(memoryview(stream)[:cut])
    assert reader.inside
    reader.feed(memoryview(stream)[cut:])
    assert not reader.inside


def test_short_frame_is_one_piece_and_a_long_attachment_is_never_copied():
    assert len(encode_frame(b"payload", [b"4\n", b""])) == 1
    output = bytes(1 << 20)
    _, attached = encode_frame(b"payload", [output])
    assert attached is output


@pytest.mark.parametrize(
    ("prefix", "words"),
    [
        (struct.pack(">II", MAX_PAYLOAD_BYTES + 1, 0), "bytes, at most"),
        (struct.pack(">II", 1, MAX_ATTACHMENTS + 1), "9 attachments, at most 8"),
        (struct.pack(">IIII", 1, 2, MAX_ATTACHED_BYTES, 1), "bytes of output, at most"),
        (b"hello, supervisor", "attachments"),
    ],
)
def test_frame_that_announces_too_much_is_refused_before_any_of_it_is_taken(prefix, words):
    reader = FrameReader(lambda *_: pytest.fail("no frame was sent"))
    with pytest.raises(ProtocolError, match=words):
        reader.feed(memoryview(prefix))


def test_frame_that_would_be_refused_is_not_sent():
    class Announced(bytes):
        def __len__(self) -> int:
            return MAX_ATTACHED_BYTES + 1

    with pytest.raises(ProtocolError, match="bytes of output, at most"):
        encode_frame(b"", [Announced()])


class End(Connection):
    """Keeps what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.frames: list[tuple[bytes, tuple[bytes, ...]]] = []
        self.ended = asyncio.get_running_loop().create_future()

    def received(self, payload, attachments):
        self.frames.append((payload, attachments))

    def closed(self, error):
        self.ended.set_result(error)


@pytest.fixture
async def path_and_ends(tmp_path):
    ends: list[End] = []

    def accept() -> End:
        ends.append(End())
        return ends[-1]

    server = await asyncio.get_running_loop().create_unix_server(accept, str(tmp_path / "s"))
    yield str(tmp_path / "s"), ends
    for end in ends:
        end.abort()
    server.close()


@pytest.mark.anyio
async def test_peer_that_does_not_read_costs_its_sender_a_few_pieces_and_later_gets_everything(path_and_ends):
    path, ends = path_and_ends
    reader, writer = await asyncio.open_unix_connection(path)
    await until(lambda: len(ends) == 1)
    outputs = [bytes([number]) * (5 << 20) for number in range(2)]
    ends[0].send(encode_frame(b"first", outputs))
    ends[0].send(encode_frame(b"second"))
    assert ends[0]._transport.get_write_buffer_size() < 1 << 20

    seen = []
    frames = FrameReader(lambda payload, attached: seen.append((payload, attached)))
    while len(seen) < 2:
        frames.feed(memoryview(await reader.read(1 << 16)))
    assert seen == [(b"first", tuple(outputs)), (b"second", ())]
    writer.close()
    assert await ends[0].ended is None


@pytest.mark.anyio
async def test_connection_that_ends_inside_a_frame_says_so(path_and_ends):
    path, ends = path_and_ends
    _, writer = await asyncio.open_unix_connection(path)
    writer.write(encode_frame(b"whole")[0] + encode_frame(b"broken off")[0][:-1])
    writer.close()
    await until(lambda: bool(ends) and ends[0].ended.done())
    assert [payload for payload, _ in ends[0].frames] == [b"whole"]
    assert "inside a frame" in str(ends[0].ended.result())


@pytest.mark.anyio
async def test_what_is_sent_after_the_end_is_dropped(path_and_ends):
    path, ends = path_and_ends
    _, writer = await asyncio.open_unix_connection(path)
    writer.close()
    await until(lambda: bool(ends) and ends[0].ended.done())
    ends[0].send(encode_frame(b"late", [bytes(1 << 20)]))
    assert not ends[0]._outgoing
