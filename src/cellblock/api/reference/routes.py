"""``GET /openapi.json`` and ``GET /docs``: written once, at the start."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from cellblock.api.reference import page
from cellblock.api.reference.document import openapi


def routes() -> Sequence[HTTPRouteHandler]:
    """Return the handlers of the document and of the page made from it."""
    document = openapi()
    written = msgspec.json.encode(document)
    html, headers = page.html(document).encode(), page.headers()

    @get("/openapi.json")
    async def openapi_document() -> Response[bytes]:
        return Response(written, media_type="application/json")

    @get("/docs")
    async def reference() -> Response[bytes]:
        return Response(html, media_type="text/html", headers=headers)

    return [openapi_document, reference]
