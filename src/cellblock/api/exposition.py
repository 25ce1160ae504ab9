"""``GET /metrics``: the figures, for whoever holds their token or is on this machine."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Callable, Sequence

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from cellblock.api.addresses import is_this_machine
from cellblock.api.errors import AnyRequest
from cellblock.errors import RequestRefused

CONTENT_TYPE = "text/plain; version=0.0.4"
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
_BEARER = "bearer "


def routes(*, render: Callable[[], bytes], token: str) -> Sequence[HTTPRouteHandler]:
    """Return the handler; without a ``token`` only peers on loopback are answered.

    What a proxy on this machine passes on also comes from loopback, so it needs the token.
    """

    @get("/metrics")
    async def metrics(request: AnyRequest) -> Response[bytes]:
        if token:
            if not _holds(request, token):
                raise RequestRefused(
                    401, "invalid or missing metrics token: send it as Authorization: Bearer"
                )
        elif not _is_local(request):
            raise RequestRefused(
                401,
                "metrics are for callers on this machine: set CELLBLOCK_METRICS_TOKEN for others",
            )
        return Response(render(), media_type=CONTENT_TYPE)

    return [metrics]


def _holds(request: AnyRequest, token: str) -> bool:
    sent = request.headers.get("authorization", "")
    is_bearer = sent[: len(_BEARER)].lower() == _BEARER
    return is_bearer and hmac.compare_digest(sent[len(_BEARER) :].strip().encode(), token.encode())


def _is_local(request: AnyRequest) -> bool:
    if request.client is None or any(name in request.headers for name in _FORWARDED):
        return False
    if not is_this_machine(request.headers.get("host", "localhost")):  # a foreign name led a browser here
        return False
    try:
        address = ipaddress.ip_address(request.client.host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback
