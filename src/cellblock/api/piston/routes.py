"""Routes of Piston's API: decode, check, run, encode."""

from __future__ import annotations

from collections.abc import Sequence

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler

from cellblock.api import bodies
from cellblock.api.access import Gate
from cellblock.api.answers import AnyResponse, LongAnswers, output_response
from cellblock.api.errands import run_for
from cellblock.api.errors import AnyRequest, Dialect, json_response, request_id
from cellblock.api.execute.translate import PROFILE, make_job, runtime_bodies
from cellblock.api.piston import translate
from cellblock.api.readiness import Readiness
from cellblock.dispatch import LocalQueue

PREFIX = "/api/v2/"


def dialect(body_max_bytes: int) -> Dialect:
    """Return how this dialect words failures."""
    return Dialect(prefix=PREFIX, body_max_bytes=body_max_bytes, error_body=translate.error_body)


def routes(
    *,
    gate: Gate,
    queue: LocalQueue,
    readiness: Readiness,
    long_answers: LongAnswers,
    body_max_bytes: int,
    stdin_max_bytes: int,
) -> Sequence[HTTPRouteHandler]:
    """Return the handlers of execute and runtimes."""

    @post("/api/v2/execute", request_max_body_size=body_max_bytes)
    async def piston_execute(request: AnyRequest) -> AnyResponse:
        raw_body = await bodies.read(request)
        translate.require_json(request.headers.get("content-type", ""))
        caller = gate.admit_run(request)
        body = translate.decode_piston(raw_body)
        asked = translate.program(body)
        caller.choose(PROFILE)
        status = readiness.require()
        runtime = translate.choose_runtime(asked, status.languages)
        run, compiling = translate.stage_limits(body, runtime)
        job = make_job(
            asked,
            runtime,
            job_id=request_id(request),
            tenant=caller.scope,
            run=run,
            compiling=compiling,
            stdin_max_bytes=stdin_max_bytes,
        )
        del raw_body, body, asked  # the job has what it needs, and it may wait long
        outcome = await run_for(request, job, queue, caller.scope)
        long_answers.hold(request, caller.scope, outcome.output_bytes)
        return await output_response(request, 200, translate.answer(outcome, runtime))

    @get("/api/v2/runtimes")
    async def piston_runtimes(request: AnyRequest) -> Response[bytes]:
        gate.admit(request)
        status = readiness.supervisor.status
        return json_response(200, runtime_bodies(status.languages if status else ()))

    return [piston_execute, piston_runtimes]
