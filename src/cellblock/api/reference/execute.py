"""The execute API, described."""

from __future__ import annotations

from cellblock.api.errors import Failure
from cellblock.api.execute.translate import error_body
from cellblock.api.execute.wire import (
    ErrorBody,
    ExecuteAnswer,
    ExecuteBody,
    FileBody,
    RuntimeBody,
    StageBody,
)
from cellblock.api.outputs import Output
from cellblock.api.reference.judge import NO_STORE, NOT_FOR_THIS, NOT_HERE
from cellblock.api.reference.operations import REQUEST_ID, WITH_KEY, Answer, Operation, failures

TAG = "Execute API"
ABOUT = (
    "Programs of one or several files, run at once; nothing is kept, and a client that disconnects ends its "
    "run. "
    'Every failure is `{"error": {"code": …, "message": …, "requestId": …}}`.'
)
RUNTIMES = [
    RuntimeBody(language="python", version="3.13.5", aliases=["py", "python3"]),
    RuntimeBody(language="javascript", version="24.19.0", aliases=["js", "node"], runtime="node"),
]
NO_KEY = ("The key is missing or wrong; which of the two is not said.", "invalid or missing API key")
TOO_MANY = ("Too many requests, or the key's quota is used up.", "API key quota exceeded")
BROKEN = (
    "The service failed, or could not see what the program did.",
    "internal error: the service's log says what happened",
)
OVERLOADED = (
    "Not now.",
    "queue full, try again later",
    "the service is stopping; try again when it is back",
    "no supervisor is connected, it is being started; try again",
    NO_STORE[1],
)
TOO_BIG = ("The body is too big.", "request body too large: at most 4194304 bytes are allowed")

_CODES = {"unknown language": "unknown_language", "python has no version": "unknown_version"}

ERROR_BODY = ErrorBody


def error(status: int, message: str) -> ErrorBody:
    """Word a failure as this dialect does."""
    code = next((code for beginning, code in _CODES.items() if message.startswith(beginning)), None)
    return error_body(Failure(status=status, message=message, request_id="order-1729-try-2", code=code))


def _ran(stdout: str, *, code: int | None = 0, signal: str | None = None) -> StageBody:
    return StageBody(
        stdout=Output(stdout.encode()),
        stderr=Output(b""),
        code=code,
        signal=signal,
        time_ms=22,
        memory_kb=9088,
    )


OPERATIONS = (
    Operation(
        method="POST",
        path="/v1/execute",
        id="execute",
        tag=TAG,
        summary="Run a program and keep nothing",
        about="Exactly one of `code` and `files` is given. Every ending of the program is answered with 200: "
        "a timeout is `code` null with `signal` SIGKILL, a failed compilation stands in `compile` and again "
        "in `run`.",
        parameters=(REQUEST_ID,),
        body=ExecuteBody,
        body_examples={
            "A program": ExecuteBody(language="python", code="print(sum(range(1, 101)))"),
            "Several files": ExecuteBody(
                language="python",
                files=[
                    FileBody(name="main.py", content="from greeting import hello\nhello()\n"),
                    FileBody(name="greeting.py", content='def hello():\n    print("Hello")\n'),
                ],
            ),
            "A version, arguments, a time limit": ExecuteBody(
                language="javascript",
                version=">=24",
                code="console.log(process.argv.slice(2).join(' '))",
                args=["one", "two"],
                run_timeout=2000,
            ),
        },
        security=WITH_KEY,
        answers=(
            Answer(
                status=200,
                about="What the program did.",
                body=(ExecuteAnswer,),
                examples={
                    "It ended": ExecuteAnswer(language="python", version="3.13.5", run=_ran("5050\n")),
                    "It took too long": ExecuteAnswer(
                        language="python", version="3.13.5", run=_ran("", code=None, signal="SIGKILL")
                    ),
                    "It was compiled first": ExecuteAnswer(
                        language="c", version="14.2.0", compile=_ran(""), run=_ran("Hello from C\n")
                    ),
                },
            ),
            *failures(
                error,
                ErrorBody,
                {
                    400: (
                        "The request cannot be served as it is; `code` says what kind of mistake.",
                        "exactly one of `code` and `files` must be given, got neither",
                        "unknown language 'brainfuck'; available: python, c, c++",
                        "python has no version '^2'; available: 3.13.5",
                        "field `run_timeout`: 90000 exceeds the ceiling of 60000 milliseconds",
                    ),
                    401: NO_KEY,
                    403: NOT_FOR_THIS,
                    413: TOO_BIG,
                    415: ("The body is not JSON.", "content-type must be application/json, got `text/plain`"),
                    429: TOO_MANY,
                    500: BROKEN,
                    503: OVERLOADED,
                },
            ),
        ),
    ),
    Operation(
        method="GET",
        path="/v1/runtimes",
        id="runtimes",
        tag=TAG,
        summary="List runtimes",
        about="What can be run here and now: every version of every language.",
        parameters=(REQUEST_ID,),
        security=WITH_KEY,
        answers=(
            Answer(status=200, about="The runtimes.", body=(list[RuntimeBody],), examples={"Two": RUNTIMES}),
            *failures(
                error, ErrorBody, {401: NO_KEY, 403: NOT_HERE, 429: TOO_MANY, 500: BROKEN, 503: NO_STORE}
            ),
        ),
    ),
)
