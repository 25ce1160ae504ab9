"""JSON of long outputs, piece by piece: the same bytes as in one go."""

from __future__ import annotations

import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellblock.api import outputs
from cellblock.api.judge.translate import record_pieces
from cellblock.api.outputs import Output, json_pieces
from cellblock.model import JobStatus, Profile, Record
from doubles import make_outcome

# Cut characters, bytes that are none, and what JSON escapes, all close together.
FRAGMENTS = (
    b"a", b"\0", b'"', b"\\", b"\n", b"\x7f", "é€𝄞\u2028\ufffd".encode(), b"\xc3", b"\xe2\x82", b"\xff",
    b"\xf0\x9d\x84", b"\xed\xa0\x80", b"\x80",
)  # fmt: skip
BYTES = st.lists(st.sampled_from(FRAGMENTS), max_size=40).map(b"".join) | st.binary(max_size=60)
ORDERS = st.lists(st.tuples(st.sampled_from([1, 2]), st.integers(0, 7)), max_size=20)
PIECES = st.integers(1, 9)


@pytest.fixture
def tiny(monkeypatch):
    """Make every output long, and its pieces as short as the example says."""

    def set_to(size: int) -> None:
        monkeypatch.setattr(outputs, "_SHORT_BYTES", 0)
        monkeypatch.setattr(outputs, "_SLICE_BYTES", size)

    return set_to


def interleaved(stdout: bytes, stderr: bytes, order: list[tuple[int, int]]) -> bytes:
    left = {1: stdout, 2: stderr}
    written = b""
    for stream, size in order:
        written += left[stream][:size]
        left[stream] = left[stream][size:]
    return written + left[1] + left[2]


@settings(max_examples=300)
@given(stdout=BYTES, stderr=BYTES, order=ORDERS, size=PIECES, name=st.text(max_size=9))
def test_pieces_joined_are_the_whole_body_as_it_is_encoded_in_one_go(stdout, stderr, order, size, name):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outputs, "_SHORT_BYTES", 0)
        patch.setattr(outputs, "_SLICE_BYTES", size)
        body = {
            "name": name,
            "stdout": Output(stdout),
            "nested": [{"stderr": Output(stderr), "none": None}, Output(stdout, stderr, order)],
            "last": 1,
        }
        pieces = list(json_pieces(body))
    whole = {
        "name": name,
        "stdout": stdout.decode("utf-8", "replace"),
        "nested": [
            {"stderr": stderr.decode("utf-8", "replace"), "none": None},
            interleaved(stdout, stderr, order).decode("utf-8", "replace"),
        ],
        "last": 1,
    }
    assert b"".join(pieces) == msgspec.json.encode(whole)


def test_random_bytes_longer_than_many_pieces_are_the_same_too():
    written = random.Random(4).randbytes(1_000_000)  # noqa: S311  # any bytes do
    expected = msgspec.json.encode([written.decode("utf-8", "replace")])
    assert b"".join(json_pieces([Output(written)])) == expected


def test_short_outputs_are_one_piece_with_everything_else():
    body = {"stdout": Output(b'4\n"'), "stderr": Output(b"\xff"), "error": "a\0b"}
    assert list(json_pieces(body)) == [b'{"stdout":"4\\n\\"","stderr":"\xef\xbf\xbd","error":"a\\u0000b"}']


@pytest.mark.parametrize("byte", [b"a", b"\0", b"\xff", b'"'])
def test_no_piece_is_longer_than_six_times_its_part_of_the_output(byte):
    pieces = list(json_pieces([Output(byte * 3_000_000)]))
    assert max(map(len, pieces)) <= 6 * 64 * 1024 + 64


def test_streams_written_byte_by_byte_in_turn_make_no_more_pieces_than_any_other():
    order = [(1, 1), (2, 1)] * 200_000
    pieces = list(json_pieces([Output(b"o" * 200_000, b"e" * 200_000, order)]))
    assert b"".join(pieces) == b'["' + b"oe" * 200_000 + b'"]'
    assert len(pieces) < 12


def test_pieces_are_made_when_they_are_asked_for(monkeypatch):
    cut = []
    slices = Output.slices

    def noted(output: Output):
        for piece in slices(output):
            cut.append(piece[:1])
            yield piece

    monkeypatch.setattr(Output, "slices", noted)
    pieces = json_pieces({"id": "x", "stdout": Output(b"a" * 1_000_000), "stderr": Output(b"b" * 1_000_000)})
    assert next(pieces) == b'{"id":"x","stdout":"'
    assert cut == []
    assert set(next(pieces)) == {ord("a")}
    assert cut == [b"a"]


def test_what_has_no_json_form_is_an_error():
    with pytest.raises(TypeError, match="object has no JSON form"):
        list(json_pieces([object()]))


def test_long_record_has_the_contracts_order_and_its_very_output(tiny):
    tiny(3)
    record = Record(
        id="x",
        language="python",
        job_status=JobStatus.COMPLETED,
        profile=Profile.JUDGE,
        created_at_ns=0,
        outcome=make_outcome(stdout="é€\n".encode(), stderr=b"\xe2\x82"),
    )
    decoded = msgspec.json.decode(b"".join(record_pieces(record)))
    assert list(decoded)[:11] == [
        "id", "language", "job_status", "schema_version", "verdict", "exit_code", "signal", "stdout",
        "stderr", "output_integrity", "error_message",
    ]  # fmt: skip
    assert (decoded["stdout"], decoded["stderr"]) == ("é€\n", "\ufffd")
