"""The judge API, described."""

from __future__ import annotations

from cellblock.api import answers
from cellblock.api.judge.wire import (
    AcceptedBody,
    DeliveriesBody,
    ErrorBody,
    NotYetBody,
    RecordBody,
    SubmitBody,
)
from cellblock.api.reference.examples import AC_RECORD, DELIVERIES, ID, PENDING_RECORD, RE_RECORD
from cellblock.api.reference.operations import (
    REQUEST_ID,
    WITH_KEY,
    Answer,
    Operation,
    Parameter,
    failures,
)
from cellblock.model import JobStatus

TAG = "Judge API"
ABOUT = (
    'Submissions that are kept: run one and wait, or submit and poll. Every failure is `{"error": "…"}`. '
    "Where a request has several faults, the first in this order answers: size and content type, rate limit, "
    "key, quota, JSON and fields, profile, empty code, sizes, webhook, language, idempotency key, room in "
    "the queue."
)

NO_KEY = ("The key is missing or wrong; which of the two is not said.", "invalid or missing API key")
NOT_FOR_THIS = (
    "The key was not issued for the profile; or, without keys, the host named is not this machine.",
    "this API key was not issued for profile executor; it was issued for: judge",
    "host 'x.example' is not this machine: without API keys only loopback addresses and localhost are served",
)
NOT_HERE = ("Without keys: the request names a host that is not this machine.", NOT_FOR_THIS[-1])
TOO_MANY = (
    "Too many requests, or the key's quota is used up.",
    "rate limit exceeded, try again later",
    "API key quota exceeded",
)
BROKEN = ("The service failed; its log says more.", "internal error: the service's log says what happened")
NO_STORE = ("The store cannot be reached.", "the store cannot be reached, try again later")

ERROR_BODY = ErrorBody


def error(_status: int, message: str) -> ErrorBody:
    """Word a failure as this dialect does."""
    return ErrorBody(message)


_SUBMISSION_ID = Parameter(
    name="submission_id",
    place="path",
    about="The `id` that `POST /api/submit` answered.",
    schema={"type": "string", "format": "uuid"},
    example=ID,
    required=True,
)
_NOT_READ = {
    400: ("The id is no UUID.", "submission id must be a UUID, got 'abc'"),
    401: NO_KEY,
    403: NOT_HERE,
    404: (
        "There is no such submission, or it is another key's.",
        "submission not found",
    ),
    429: TOO_MANY,
    500: BROKEN,
    503: (*NO_STORE, answers.TOO_MANY_LONG),
}

OPERATIONS = (
    Operation(
        method="POST",
        path="/api/submit",
        id="submit",
        tag=TAG,
        summary="Run a program",
        about="Accepts a submission and keeps it on disk before it answers. With `wait=true` the answer is "
        "the finished record, otherwise an id to poll. Whatever the program does is no error of the request: "
        "it is in the record's `verdict`.",
        parameters=(
            Parameter(
                name="wait",
                place="query",
                about="Hold the answer until there is a result.",
                schema={"type": "boolean", "default": False},
                example=True,
            ),
            Parameter(
                name="Idempotency-Key",
                place="header",
                about="A UUID, with hyphens or without, in braces or as a URN. Of several requests with the "
                "same one only the first is run, others get its record with 202. What is none is ignored.",
                schema={"type": "string"},
                example="5b0a8d4e-4a51-4f0e-9a3c-7a3d3f1c2b10",
            ),
            REQUEST_ID,
        ),
        body=SubmitBody,
        body_examples={
            "A program": SubmitBody(language="python", code="print(2 + 2)"),
            "With standard input": SubmitBody(
                language="python", code='name = input()\nprint(f"Hello, {name}!")', stdin="World"
            ),
            "With a webhook": SubmitBody(
                language="python",
                code="print(42)",
                webhook_url="https://receiver.example/results",
                webhook_secret="a-secret-of-yours",  # noqa: S106  # an example
            ),
            "Another language": SubmitBody(language="javascript", code='console.log("Hello from JS")'),
        },
        security=WITH_KEY,
        answers=(
            Answer(
                status=200,
                about="`wait=true`: the record, whatever the verdict. One that is cut off is not on disk: "
                "ask again with the idempotency key, or poll.",
                body=(RecordBody,),
                examples={"A clean exit": AC_RECORD, "An exception": RE_RECORD},
            ),
            Answer(
                status=202,
                about="Accepted: poll for the record. Or the idempotency key is known: the record that came "
                "first, in whatever state it is.",
                body=(AcceptedBody, RecordBody),
                examples={
                    "Accepted": AcceptedBody(ID, JobStatus.PENDING, 0),
                    "A known idempotency key": PENDING_RECORD,
                },
            ),
            *failures(
                error,
                ErrorBody,
                {
                    400: (
                        "The request cannot be served as it is.",
                        "code must not be empty",
                        "code exceeds maximum size of 64KB",
                        "stdin exceeds maximum size of 256KB",
                        "malformed JSON: trailing characters (byte 2)",
                        "webhook_secret is required when webhook_url is provided",
                        "webhook_url cannot target private/loopback IPs",
                        "query parameter wait must be true or false, got 'yes'",
                        "unsupported language: brainfuck. available: python, c, cpp",
                    ),
                    401: NO_KEY,
                    403: NOT_FOR_THIS,
                },
            ),
            Answer(
                status=408,
                about="No result in time: the submission goes on and can be polled. Without an `id`: the "
                "request itself did not arrive in time.",
                body=(NotYetBody, ErrorBody),
                examples={
                    "Too slow to wait for": NotYetBody(
                        ID, f"no result within 30 s, the submission goes on; poll GET /api/result/{ID}"
                    )
                },
            ),
            *failures(
                error,
                ErrorBody,
                {
                    413: (
                        "The body is too big.",
                        "request body too large: at most 1048576 bytes are allowed",
                    ),
                    415: (
                        "The body is not JSON.",
                        "content-type must be application/json, got `text/plain`",
                    ),
                    422: (
                        "A field is missing or has the wrong type.",
                        "field `code` is missing: expected a string",
                        "field `stdin`: expected a string or null, got int",
                    ),
                    429: TOO_MANY,
                    500: BROKEN,
                    503: (
                        "Not now. Nothing is kept: send it again, with the same idempotency key.",
                        "queue full, try again later",
                        "the service is stopping; try again when it is back",
                        "no supervisor is connected, it is being started; try again",
                        "too many webhook hosts are being looked up, try again later",
                        NO_STORE[1],
                    ),
                },
            ),
        ),
    ),
    Operation(
        method="GET",
        path="/api/result/{submission_id}",
        id="result",
        tag=TAG,
        summary="Read a record",
        about="The record in whatever state it is; fields that are not known yet are null. Poll until "
        "`job_status` is `completed` or `error`.",
        parameters=(
            _SUBMISSION_ID,
            REQUEST_ID,
        ),
        security=WITH_KEY,
        answers=(
            Answer(
                status=200,
                about="The record.",
                body=(RecordBody,),
                examples={"Finished": AC_RECORD, "Still waiting": PENDING_RECORD},
            ),
            *failures(error, ErrorBody, _NOT_READ),
        ),
    ),
    Operation(
        method="GET",
        path="/api/result/{submission_id}/deliveries",
        id="deliveries",
        tag=TAG,
        summary="Read the log of a webhook",
        about="Where the submission's webhook stands and how each attempt to call it went.",
        parameters=(_SUBMISSION_ID, REQUEST_ID),
        security=WITH_KEY,
        answers=(
            Answer(
                status=200,
                about="The log.",
                body=(DeliveriesBody,),
                examples={"Delivered at the second attempt": DELIVERIES},
            ),
            *failures(error, ErrorBody, _NOT_READ),
        ),
    ),
    Operation(
        method="GET",
        path="/api/languages",
        id="languages",
        tag=TAG,
        summary="List languages",
        about="The canonical names of what can be run here and now: a language is listed when its self-test "
        "passed.",
        parameters=(REQUEST_ID,),
        security=WITH_KEY,
        answers=(
            Answer(
                status=200,
                about="The names.",
                body=(list[str],),
                examples={"Three": ["python", "c", "cpp"]},
            ),
            *failures(
                error, ErrorBody, {401: NO_KEY, 403: NOT_HERE, 429: TOO_MANY, 500: BROKEN, 503: NO_STORE}
            ),
        ),
    ),
)
