"""Routes of the execute API: decode, check, run, encode."""

from __future__ import annotations

from collections.abc import Sequence

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler

from cellblock.api import bodies
from cellblock.api.access import Gate
from cellblock.api.answers import AnyResponse, LongAnswers, output_response
from cellblock.api.errands import run_for
from cellblock.api.errors import AnyRequest, Dialect, json_response, request_id
from cellblock.api.execute import translate
from cellblock.api.readiness import Readiness
from cellblock.dispatch import LocalQueue

PREFIX = "/v1/"


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

    @post("/v1/execute", request_max_body_size=body_max_bytes)
    async def execute(request: AnyRequest) -> AnyResponse:
        raw_body = await bodies.read(request)
        bodies.require_json(request.headers.get("content-type", ""))
        caller = gate.admit_run(request)
        body = translate.decode_execute(raw_body)
        translate.program_files(body)
        caller.choose(translate.PROFILE)
        status = readiness.require()
        runtime = translate.choose_runtime(body, status.languages)
        run, compiling = translate.stage_limits(body, runtime)
        job = translate.make_job(
            body,
            runtime,
            job_id=request_id(request),
            tenant=caller.scope,
            run=run,
            compiling=compiling,
            stdin_max_bytes=stdin_max_bytes,
        )
        del raw_body, body  # the job has what it needs, and it may wait long
        outcome = await run_for(request, job, queue, caller.scope)
        long_answers.hold(request, caller.scope, outcome.output_bytes)
        return await output_response(request, 200, translate.answer(outcome, runtime))

    @get("/v1/runtimes")
    async def runtimes(request: AnyRequest) -> Response[bytes]:
        gate.admit(request)
        status = readiness.supervisor.status
        return json_response(200, translate.runtime_bodies(status.languages if status else ()))

    return [execute, runtimes]
