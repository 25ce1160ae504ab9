"""What is for operators and for programs that read this document, described."""

from __future__ import annotations

from typing import Any

from cellblock.api.health import HealthBody, ReadyBody
from cellblock.api.judge.wire import ErrorBody
from cellblock.api.reference.judge import BROKEN, error
from cellblock.api.reference.operations import REQUEST_ID, Answer, Operation, failures
from cellblock.model import EnforcementMode

TAG = "Service"
ABOUT = "Health, figures and this reference. None of it needs an API key."


_BROKEN = failures(error, ErrorBody, {500: BROKEN})

OPERATIONS = (
    Operation(
        method="GET",
        path="/api/health",
        id="health",
        tag=TAG,
        summary="How the service is",
        about="Always 200 while the service answers at all; `status` is `degraded` where programs cannot be "
        "run.",
        parameters=(REQUEST_ID,),
        answers=(
            Answer(
                status=200,
                about="How it is.",
                body=(HealthBody,),
                examples={
                    "All is well": HealthBody(
                        status="ok",
                        enforcement_mode=EnforcementMode.STRICT,
                        cgroup_backend="cgroup_v2",
                        namespace_support=True,
                        workers=4,
                        queue_depth=0,
                        node_id="node-1",
                        version="0.1.0",
                    )
                },
            ),
            *_BROKEN,
        ),
    ),
    Operation(
        method="GET",
        path="/api/health/ready",
        id="ready",
        tag=TAG,
        summary="Whether to send it requests",
        about="For load balancers.",
        parameters=(REQUEST_ID,),
        answers=(
            Answer(status=200, about="Yes.", body=(ReadyBody,), examples={"Ready": ReadyBody()}),
            *_BROKEN,
            *failures(
                error,
                ErrorBody,
                {
                    503: (
                        "No, and why not.",
                        "the service is stopping; try again when it is back",
                        "the store cannot be reached",
                        "no supervisor is connected, it is being started; try again",
                        "isolation cannot be enforced on this host, so no program is run: …",
                    )
                },
            ),
        ),
    ),
    Operation(
        method="GET",
        path="/metrics",
        id="metrics",
        tag=TAG,
        summary="Figures for Prometheus",
        about="With the metrics token; where the operator set none, for callers on the service's own machine "
        "only.",
        parameters=(REQUEST_ID,),
        security=("metricsToken",),
        answers=(
            Answer(
                status=200,
                about="All figures.",
                body=(),
                media_type="text/plain",
                examples={"Two of them": "cellblock_queue_depth 0.0\ncellblock_slots_busy 1.0\n"},
            ),
            *failures(
                error,
                ErrorBody,
                {
                    401: (
                        "The token is missing or wrong, or none is set and the caller is elsewhere.",
                        "invalid or missing metrics token: send it as Authorization: Bearer",
                        "metrics are for callers on this machine: set CELLBLOCK_METRICS_TOKEN for others",
                    )
                },
            ),
            *_BROKEN,
        ),
    ),
    Operation(
        method="GET",
        path="/openapi.json",
        id="openapi",
        tag=TAG,
        summary="This document",
        parameters=(REQUEST_ID,),
        answers=(
            Answer(status=200, about="OpenAPI 3.1.", body=(dict[str, Any],)),
            *_BROKEN,
        ),
    ),
    Operation(
        method="GET",
        path="/docs",
        id="docs",
        tag=TAG,
        summary="This document as a page",
        parameters=(REQUEST_ID,),
        answers=(Answer(status=200, about="HTML.", body=(), media_type="text/html"), *_BROKEN),
    ),
)
