"""Routes of the judge API: decode, check in the documented order, hand over, encode."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler

from cellblock.api import bodies
from cellblock.api.access import Gate
from cellblock.api.answers import AnyResponse, LongAnswers, output_response
from cellblock.api.errors import AnyRequest, Dialect, json_response, name_submission
from cellblock.api.intake import Intake
from cellblock.api.judge import translate
from cellblock.api.judge.records import Records, canonical_id, not_found
from cellblock.api.judge.wire import AcceptedBody
from cellblock.api.names import new_name
from cellblock.api.readiness import Readiness
from cellblock.api.stopwatch import stopwatch
from cellblock.errors import RequestRefused
from cellblock.events import Part
from cellblock.model import JobStatus
from cellblock.store import NewSubmission, Store

PREFIX = "/"
_JUST_DELETED = "the record of this idempotency key has just been deleted, try again"
AdmitWebhook = Callable[[str, str | None, str], Awaitable[None]]
"""Refuses (400) a webhook, given its URL, its secret and whose it is, that must not be delivered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a submission may measure, and how long its answer is held."""

    code_max_bytes: int
    stdin_max_bytes: int
    sync_wait_max_ms: int


def dialect(body_max_bytes: int) -> Dialect:
    """Return how this dialect words failures; it also speaks for paths that nobody serves."""
    return Dialect(prefix=PREFIX, body_max_bytes=body_max_bytes, error_body=translate.error_body)


def routes(
    *,
    gate: Gate,
    intake: Intake,
    store: Store,
    readiness: Readiness,
    bounds: Bounds,
    admit_webhook: AdmitWebhook,
    long_answers: LongAnswers,
) -> Sequence[HTTPRouteHandler]:
    """Return the handlers of submit, result and languages."""
    records = Records(store=store, long_answers=long_answers, sync_wait_max_ms=bounds.sync_wait_max_ms)

    @post("/api/submit")
    async def submit(request: AnyRequest) -> AnyResponse:
        raw_body = await bodies.read(request)
        bodies.require_json(request.headers.get("content-type", ""))
        caller = gate.admit_run(request)
        body = translate.decode_submit(raw_body)
        wait = translate.parse_wait(_query_values(request, "wait"))
        profile = caller.choose(translate.parse_profile(body.profile))
        inputs = translate.check_inputs(
            body, code_max_bytes=bounds.code_max_bytes, stdin_max_bytes=bounds.stdin_max_bytes
        )
        if body.webhook_url is not None:
            await admit_webhook(body.webhook_url, body.webhook_secret, caller.scope)
        status = readiness.require()
        new = NewSubmission(
            id=new_name(),
            language=translate.choose_language(body.language, status.languages),
            profile=profile,
            code=inputs.code,
            stdin=inputs.stdin,
            created_at_ns=time.time_ns(),
            key_scope=caller.scope,
            idempotency_key=translate.parse_idempotency_key(request.headers.get("idempotency-key", "")),
            webhook_url=body.webhook_url,
            webhook_secret=None if body.webhook_url is None else body.webhook_secret,
        )
        stopwatch(request).end(Part.PARSE)
        accepted = await intake.accept(new, at_once=wait)
        stopwatch(request).end(Part.ACCEPT)
        del raw_body, body, inputs, new  # the store has what is needed, and the answer may be long in coming
        name_submission(request, accepted.id)
        if accepted.waiting is None:
            record = await records.held(request, caller.scope, accepted.id)
            if record is None:  # its time was over between then and now
                raise RequestRefused(503, _JUST_DELETED, retry_after_s=1)
            return await output_response(request, 202, translate.record_body(record))
        if not wait:
            stopwatch(request).answer()
            return json_response(202, AcceptedBody(accepted.id, JobStatus.PENDING, accepted.queue_depth))
        return await records.answer(request, caller.scope, accepted.waiting)

    @get("/api/result/{submission_id:str}")
    async def result(request: AnyRequest) -> AnyResponse:
        caller = gate.admit(request)
        record = await records.held(request, caller.scope, canonical_id(request))
        if record is None:
            raise not_found()
        name_submission(request, record.id)
        return await output_response(request, 200, translate.record_body(record))

    @get("/api/languages")
    async def languages(request: AnyRequest) -> Response[bytes]:
        gate.admit(request)
        status = readiness.supervisor.status
        return json_response(200, translate.available_names(status.languages if status else ()))

    return [submit, result, languages]


def _query_values(request: AnyRequest, key: str) -> list[str]:
    query = request.scope["query_string"].decode("latin-1")
    return [value for name, value in parse_qsl(query, keep_blank_values=True) if name == key]
