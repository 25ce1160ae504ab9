"""The log of a submission's webhook: whether it was called, when, and how each attempt went."""

from __future__ import annotations

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from cellblock.api.access import Gate
from cellblock.api.errors import AnyRequest, json_response
from cellblock.api.judge import translate
from cellblock.api.judge.records import canonical_id, not_found
from cellblock.store import Deliveries, Store


def route(*, gate: Gate, store: Store, deliveries: Deliveries) -> HTTPRouteHandler:
    """Return the handler; what is refused of a result is refused of its deliveries."""

    @get("/api/result/{submission_id:str}/deliveries")
    async def delivery_log(request: AnyRequest) -> Response[bytes]:
        caller = gate.admit(request)
        submission_id = canonical_id(request)
        # Whether it is there; what it wrote is not read.
        if await store.find(submission_id, caller.scope, longest_bytes=-1) is None:
            raise not_found()
        return json_response(
            200, translate.deliveries_body(submission_id, await deliveries.log(submission_id))
        )

    return delivery_log
