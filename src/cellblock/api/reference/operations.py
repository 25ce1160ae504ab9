"""How a route is described: what it takes, and every answer that it may give."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

JSON = "application/json"


class Header(Struct, frozen=True, kw_only=True):
    """A header of an answer."""

    name: str
    about: str
    type: str = "string"


class Parameter(Struct, frozen=True, kw_only=True):
    """What a request says outside its body."""

    name: str
    place: str
    """``query``, ``header`` or ``path``."""
    about: str
    schema: Mapping[str, Any]
    example: object
    required: bool = False


class Answer(Struct, frozen=True, kw_only=True):
    """One status of one route."""

    status: int
    about: str
    body: tuple[Any, ...]
    """Structs of the wire, one of which it is; empty for text."""
    examples: Mapping[str, object] = {}
    """By a line that says what each one shows."""
    headers: tuple[Header, ...] = ()
    media_type: str = JSON


class Operation(Struct, frozen=True, kw_only=True):
    """One route and method."""

    method: str
    path: str
    id: str
    tag: str
    summary: str
    about: str = ""
    parameters: tuple[Parameter, ...] = ()
    body: Any = None
    """The struct that the request's JSON is read into."""
    body_examples: Mapping[str, object] = {}
    answers: tuple[Answer, ...]
    security: tuple[str, ...] = ()
    """Names of schemes, any one of which will do; where there are some, none is needed while there are no "
    "keys."""


RETRY_AFTER = Header(name="Retry-After", about="Whole seconds to wait before another try.", type="integer")
RATE_LIMIT = (
    Header(name="X-RateLimit-Limit", about="Requests that the window allows.", type="integer"),
    Header(name="X-RateLimit-Remaining", about="Requests left in the window.", type="integer"),
    Header(name="X-RateLimit-Reset", about="When the window ends, in seconds of Unix time.", type="integer"),
)
WITH_KEY = ("apiKey", "bearerKey")
REQUEST_ID = Parameter(
    name="X-Request-Id",
    place="header",
    about="A name of your own for this request, up to 128 letters, digits and `._:+/=@-`; it comes back in "
    "the answer and stands in the service's log. One is made where there is none.",
    schema={"type": "string", "maxLength": 128},
    example="order-1729-try-2",
)

OF_HTTP: Mapping[int, tuple[str, ...]] = {
    400: ("HTTP that cannot be read.", "malformed HTTP request: Invalid method encountered"),
    408: ("The request did not arrive in time.", "the request's head did not arrive in time"),
    413: ("The body is too big.", "request body too large: at most 1048576 bytes are allowed"),
    414: ("The target is too long.", "request target too long: at most 8192 bytes are allowed"),
    431: ("The head is too big.", "request head too large: at most 32768 bytes are allowed"),
    503: ("There are too many connections.", "too many requests are in work, try again later"),
}
"""What may be answered before a request comes to its route, whatever that is."""


def failures(
    word: Callable[[int, str], object], body: type[Struct], reasons: Mapping[int, tuple[str, ...]]
) -> tuple[Answer, ...]:
    """Describe the failures of a route: by status the reasons, of which the first stands for all.

    Each is a line on when, then messages as they are sent; ``word`` puts a message into its body.
    """
    return tuple(
        Answer(
            status=status,
            about=when,
            body=(body,),
            examples={message: word(status, message) for message in messages},
            headers=_headers_of(status),
        )
        for status, (when, *messages) in reasons.items()
    )


def _headers_of(status: int) -> tuple[Header, ...]:
    match status:
        case 429:
            return (RETRY_AFTER, *RATE_LIMIT)
        case 503:
            return (RETRY_AFTER,)
    return ()
