"""Answers that carry what a program wrote: at once where it is short, else as fast as the client reads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from itertools import chain
from typing import Any

import anyio._backends._asyncio  # noqa: F401  # what a stream needs, loaded now: later it may be out of reach
from litestar import Response
from litestar.response import Stream

from cellblock.api.errors import AnyRequest
from cellblock.api.outputs import json_pieces

_JSON = "application/json"

AnyResponse = Response[Any]


async def output_response(request: AnyRequest, status: int, body: object) -> AnyResponse:
    """Return ``body`` as JSON; an ``Output`` in it is a string.

    A long one is encoded while it is sent: beside what the program wrote, an answer under way holds
    a few pieces, however slowly it is read.
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
    content = _one_by_one(chain((first, second), pieces))
    return Stream(content, status_code=status, headers=headers, media_type=_JSON)


async def _one_by_one(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    """Let everybody else have a turn after each piece, also while the client takes them all at once."""
    for piece in pieces:
        if piece:
            yield piece
            await asyncio.sleep(0)
