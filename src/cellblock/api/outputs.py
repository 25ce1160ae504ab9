"""What programs wrote, as JSON strings: made piece by piece where it is long. Pure.

A program's 20 MiB of NULs are 120 MB of JSON. Whoever sends an answer takes the pieces of
``json_pieces`` one at a time; together they are, byte for byte, what encoding the whole would give.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence

import msgspec

_SHORT_BYTES = 64 * 1024
"""Up to this size an output is encoded with everything else."""
_SLICE_BYTES = 64 * 1024
_STDOUT, _STDERR = 1, 2

_GAP = b"\0"  # stands for a long output; JSON has no such byte anywhere
_GAP_VALUE = msgspec.Raw(_GAP)
_text_decoder = codecs.getincrementaldecoder("utf-8")


class Output:
    """One stream, or two as they were written; what is no UTF-8 is replaced when it becomes text."""

    __slots__ = ("_order", "_stderr", "_stdout")

    def __init__(self, stdout: bytes, stderr: bytes = b"", order: Sequence[tuple[int, int]] = ()) -> None:
        """Show ``stdout`` and ``stderr`` interleaved as ``order`` (1 or 2, bytes) says, then what is left."""
        self._stdout = stdout
        self._stderr = stderr
        self._order = order

    def __len__(self) -> int:
        """Return how many bytes were written."""
        return len(self._stdout) + len(self._stderr)

    def __str__(self) -> str:
        """Return all of it as text."""
        return b"".join(self._runs()).decode("utf-8", "replace")

    def slices(self) -> Iterator[bytes]:
        """Yield the bytes in pieces of about the same size."""
        gathered: list[memoryview] = []
        gathered_bytes = 0
        for run in self._runs():
            for start in range(0, len(run), _SLICE_BYTES):
                gathered.append(run[start : start + _SLICE_BYTES])
                gathered_bytes += len(gathered[-1])
                if gathered_bytes >= _SLICE_BYTES:
                    yield b"".join(gathered)
                    gathered, gathered_bytes = [], 0
        yield b"".join(gathered)

    def _runs(self) -> Iterator[memoryview]:
        """Yield what came from one stream without the other between."""
        left = {_STDOUT: memoryview(self._stdout), _STDERR: memoryview(self._stderr)}
        for stream, length in self._order:
            yield left[stream][:length]
            left[stream] = left[stream][length:]
        yield from left.values()


def json_pieces(body: object) -> Iterator[bytes]:
    """Yield the JSON of ``body``, in which an ``Output`` is a string; one piece where none is long.

    A piece is some 64 KiB of output, escaped: at most six times that.
    """
    long_outputs: list[Output] = []

    def stand_in(value: object) -> object:
        if not isinstance(value, Output):
            raise TypeError(f"{type(value).__name__} has no JSON form")
        if len(value) <= _SHORT_BYTES:
            return str(value)
        long_outputs.append(value)
        return _GAP_VALUE

    before, *between = msgspec.json.encode(body, enc_hook=stand_in).split(_GAP)
    for output, after in zip(long_outputs, between, strict=True):
        yield before + b'"'
        yield from _escaped(output)
        before = b'"' + after
    yield before


def _escaped(output: Output) -> Iterator[bytes]:
    decoder = _text_decoder("replace")
    for piece in output.slices():
        yield msgspec.json.encode(decoder.decode(piece))[1:-1]
    yield msgspec.json.encode(decoder.decode(b"", final=True))[1:-1]
