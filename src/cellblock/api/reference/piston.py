"""Piston's API, described."""

from __future__ import annotations

from msgspec import Struct

from cellblock.api.errors import Failure
from cellblock.api.execute.wire import FileBody, Number, RuntimeBody
from cellblock.api.outputs import Output
from cellblock.api.piston.translate import error_body
from cellblock.api.piston.wire import PistonAnswer, PistonErrorBody, PistonStage
from cellblock.api.reference import execute
from cellblock.api.reference.judge import NO_STORE, NOT_FOR_THIS, NOT_HERE
from cellblock.api.reference.operations import REQUEST_ID, WITH_KEY, Answer, Operation, failures

TAG = "Piston API"
ABOUT = (
    "The execute API in the words of Piston v2, for clients written for that. "
    'Every failure is `{"message": "…"}`.'
)


class PistonRequest(Struct, frozen=True, kw_only=True):
    """Body of ``POST /api/v2/execute``; unknown fields are ignored, null is the same as nothing."""

    language: str
    version: str
    """A version range, ``*`` for the newest."""
    files: list[FileBody]
    """At least one; the first that is text is the main file."""
    stdin: str | None = None
    args: list[str] | None = None
    run_timeout: Number | None = None
    """Milliseconds; 3000 where nothing is said."""
    compile_timeout: Number | None = None
    """Milliseconds; 10000 where nothing is said."""
    run_cpu_time: Number | None = None
    """Milliseconds of CPU time."""
    compile_cpu_time: Number | None = None
    """Milliseconds of CPU time."""
    run_memory_limit: Number | None = None
    """Bytes; -1 for the profile's own."""
    compile_memory_limit: Number | None = None
    """Bytes; -1 for the profile's own."""


ERROR_BODY = PistonErrorBody


def error(status: int, message: str) -> PistonErrorBody:
    """Word a failure as this dialect does."""
    return error_body(Failure(status=status, message=message, request_id="order-1729-try-2"))


_STAGE = PistonStage(
    signal=None,
    stdout=Output(b"4\n"),
    stderr=Output(b""),
    code=0,
    output=Output(b"4\n"),
    memory=9_307_000,
    message=None,
    status=None,
    cpu_time=9,
    wall_time=22,
)

OPERATIONS = (
    Operation(
        method="POST",
        path="/api/v2/execute",
        id="pistonExecute",
        tag=TAG,
        summary="Run a program as Piston does",
        about="As `POST /v1/execute`, but `version` and `files` are required, and stages say more.",
        parameters=(REQUEST_ID,),
        body=PistonRequest,
        body_examples={
            "A program": PistonRequest(
                language="python", version="3.x", files=[FileBody(name="main.py", content="print(2 + 2)")]
            )
        },
        security=WITH_KEY,
        answers=(
            Answer(
                status=200,
                about="What the program did.",
                body=(PistonAnswer,),
                examples={"It ended": PistonAnswer(run=_STAGE, language="python", version="3.13.5")},
            ),
            *failures(
                error,
                PistonErrorBody,
                {
                    400: (
                        "The request cannot be served as it is.",
                        "language is required as a string",
                        "files[0].content is required as a string",
                        "brainfuck-* runtime is unknown",
                        "run_timeout cannot exceed the configured limit of 60000",
                    ),
                    401: execute.NO_KEY,
                    403: NOT_FOR_THIS,
                    413: execute.TOO_BIG,
                    415: ("The body is not JSON.", "requests must be of type application/json"),
                    429: execute.TOO_MANY,
                    500: execute.BROKEN,
                    503: execute.OVERLOADED,
                },
            ),
        ),
    ),
    Operation(
        method="GET",
        path="/api/v2/runtimes",
        id="pistonRuntimes",
        tag=TAG,
        summary="List runtimes as Piston does",
        parameters=(REQUEST_ID,),
        security=WITH_KEY,
        answers=(
            Answer(
                status=200,
                about="The runtimes.",
                body=(list[RuntimeBody],),
                examples={"Two": execute.RUNTIMES},
            ),
            *failures(
                error,
                PistonErrorBody,
                {
                    401: execute.NO_KEY,
                    403: NOT_HERE,
                    429: execute.TOO_MANY,
                    500: execute.BROKEN,
                    503: NO_STORE,
                },
            ),
        ),
    ),
)
