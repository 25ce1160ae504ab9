"""Messages of service and supervisor: an outcome arrives as it was, each output having travelled once."""

from __future__ import annotations

from typing import Self

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellblock import config
from cellblock.errors import ConfigError
from cellblock.model import Job, SourceFile
from cellblock.supervisor.frames import MAX_ATTACHED_BYTES, FrameReader, ProtocolError, encode_frame
from cellblock.supervisor.messages import RunReply, RunRequest, decode_reply, decode_request, encode
from doubles import make_executed, make_outcome, make_stage

OUTPUTS = st.lists(st.binary(max_size=3), min_size=1, max_size=4)


def sent(message):
    """What the peer's reader makes of the frame."""
    frames = []
    FrameReader(lambda *frame: frames.append(frame)).feed(memoryview(b"".join(encode(message))))
    return frames[0]


@given(pool=OUTPUTS, places=st.lists(st.integers(0, 3), min_size=6, max_size=6), stages=st.integers(0, 2))
def test_outcome_arrives_as_it_was_whatever_shares_its_outputs(pool, places, stages):
    outputs = [pool[place % len(pool)] for place in places]
    reports = [make_stage(stdout=outputs[2 * n], stderr=outputs[2 * n + 1]) for n in range(stages)]
    outcome = make_outcome(stages=tuple(reports), stdout=outputs[4], stderr=outputs[5])
    payload, attached = sent(RunReply(7, outcome))
    assert decode_reply(payload, attached) == RunReply(7, outcome)
    assert len(attached) <= len({id(output) for output in outputs})


def test_output_that_a_stage_shares_with_the_outcome_travels_once_and_stays_one():
    stdout, stderr = b"x" * 3_000_000, b"y" * 1_000_000
    outcome = make_executed(make_stage(stdout=stdout, stderr=stderr), stdout=stdout, stderr=stderr)
    frame = encode(RunReply(1, outcome))
    assert sum(map(len, frame)) < 4_010_000
    arrived = decode_reply(*sent(RunReply(1, outcome))).outcome
    assert arrived == outcome
    assert arrived.stdout is arrived.stages[0].stdout
    assert arrived.stderr is arrived.stages[0].stderr


@pytest.mark.parametrize("attached", [(), (0,), (0, 1, 0), (0, 2), (0, -1)])
def test_reply_whose_outputs_do_not_match_its_stages_is_refused(attached):
    payload = msgspec.msgpack.encode(RunReply(1, make_outcome(), attached))
    with pytest.raises(ProtocolError, match="not a reply"):
        decode_reply(payload, (b"", b""))


def test_request_with_attachments_is_refused():
    request = RunRequest(1, Job(id="x", language="c", files=(SourceFile("", b"int main;"),)))
    payload, attached = sent(request)
    assert decode_request(payload, attached) == request
    with pytest.raises(ProtocolError, match="no attachments"):
        decode_request(payload, (b"",))


def test_whatever_the_settings_allow_to_keep_fits_a_reply():
    settings = config.load({"output_max_bytes": str(config.OUTPUT_CEILING_BYTES)}, {})
    kept = settings.output_max_bytes
    # A failed compilation: its two streams, and both behind a line of ours.
    encode_frame(b"", [_Long(kept), _Long(kept), _Long(2 * kept + 1000)])
    # Both stages, all of it different.
    encode_frame(b"", [_Long(kept)] * 4)
    with pytest.raises(ProtocolError):
        encode_frame(b"", [_Long(MAX_ATTACHED_BYTES + 1)])


@pytest.mark.parametrize(
    "setting", [{"output_max_bytes": "{}"}, {"limits": "python.judge.output_bytes={}"}], ids=min
)
def test_more_output_than_a_reply_may_carry_cannot_be_asked_for(setting):
    def stated(size: int) -> dict[str, str]:
        return {name: text.format(size) for name, text in setting.items()}

    config.load(stated(config.OUTPUT_CEILING_BYTES), {})
    with pytest.raises(ConfigError, match=str(config.OUTPUT_CEILING_BYTES)):
        config.load(stated(config.OUTPUT_CEILING_BYTES + 1), {})


class _Long(bytes):
    """Counts as long without being it: what is checked are sizes."""

    def __new__(cls, _size: int) -> Self:
        return super().__new__(cls)

    def __init__(self, size: int) -> None:
        self._size = size

    def __len__(self) -> int:
        return self._size


NOT_TEXT = b"\x82\xa4type\xa6cancel\xa3seq\xa1\xff"
NESTED = b"\x82\xa4type\xa6cancel\xa1x" + b"\x91" * 200_000 + b"\x00"


@pytest.mark.parametrize("payload", [b"", b"\xc1", NOT_TEXT, b"\x81\xa1\xff\x00", NESTED])
def test_bytes_that_are_no_message_are_refused_on_either_side(payload):
    with pytest.raises(ProtocolError, match="not a request"):
        decode_request(payload, ())
    with pytest.raises(ProtocolError, match="not a reply"):
        decode_reply(payload, ())
