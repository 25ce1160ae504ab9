"""Answers that carry what a program wrote: at once where it is short, else as fast as the client reads."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from itertools import chain
from typing import Any

import anyio._backends._asyncio  # noqa: F401  # what a stream needs, loaded now: later it may be out of reach
from litestar import Response
from litestar.response import Stream

from cellblock.api.errors import AnyRequest, break_off
from cellblock.api.outputs import json_pieces
from cellblock.errors import CellblockError, RequestRefused

_JSON = "application/json"
_SOON_S = 1
TOO_MANY_LONG = "too many long answers are on their way to this key's clients, try again later"

LONG_BYTES = 64 * 1024
_LONG_ANSWERS_MAX_BYTES = 128 * 1024 * 1024

AnyResponse = Response[Any]


class BrokenOffError(CellblockError):
    """An answer that was begun cannot be ended; its client sees that it is not whole."""


class LongAnswers:
    """What programs wrote, as far as answers under way hold it in memory.

    A client takes its answer as slowly as it likes, and asks for the same record again and again.
    So long outputs share a bound, of which each scope (API key) has an even share; a scope that holds
    nothing may always have one.
    """

    def __init__(self, most_bytes: int = _LONG_ANSWERS_MAX_BYTES) -> None:
        self._most_bytes = most_bytes
        self._held_bytes: Counter[str] = Counter()

    def hold(self, request: AnyRequest, scope: str, output_bytes: int) -> None:
        """Count outputs until the request is served; refuses (503) what is beyond the bound."""
        if output_bytes <= LONG_BYTES:
            return
        own_bytes = self._held_bytes[scope]
        scopes = len(self._held_bytes.keys() | {scope})
        if (
            own_bytes
            and self._held_bytes.total() + output_bytes > self._most_bytes
            and (own_bytes + output_bytes) * scopes > self._most_bytes
        ):
            raise RequestRefused(503, TOO_MANY_LONG, retry_after_s=_SOON_S)
        self._held_bytes[scope] += output_bytes
        request.scope["state"]["until_served"].callback(self._release, scope, output_bytes)

    def _release(self, scope: str, output_bytes: int) -> None:
        self._held_bytes[scope] -= output_bytes
        if not self._held_bytes[scope]:
            del self._held_bytes[scope]


async def _at_once() -> None:
    """Wait for nothing."""


async def output_response(
    request: AnyRequest, status: int, body: object, *, before_end: Callable[[], Awaitable[None]] = _at_once
) -> AnyResponse:
    """Return ``body`` as JSON; an ``Output`` in it is a string.

    A long one is encoded while it is sent: beside what the program wrote, an answer under way holds
    a few pieces, however slowly it is read. Its last piece is sent after ``before_end``; if that raises
    ``BrokenOffError`` it is never sent, which every client can tell from a whole answer.
    """
    pieces = json_pieces(body)
    first = next(pieces)
    second = next(pieces, None)
    if second is None:
        return Response(content=first, status_code=status, media_type=_JSON)
    headers: dict[str, str] = {}
    if request.scope["http_version"] == "1.0":  # which knows no chunks: count first
        length = 0
        async for piece in _one_by_one(json_pieces(body)):
            length += len(piece)
        headers["content-length"] = str(length)

    async def content() -> AsyncIterator[bytes]:
        last = b""
        async for piece in _one_by_one(chain((first, second), pieces)):
            if last:
                yield last
            last = piece
        try:
            await before_end()
        except BrokenOffError as error:
            break_off(request, str(error))
            raise
        yield last

    return Stream(content(), status_code=status, headers=headers, media_type=_JSON)


async def _one_by_one(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    """Let everybody else have a turn after each piece, also while the client takes them all at once."""
    for piece in pieces:
        if piece:
            yield piece
            await asyncio.sleep(0)
