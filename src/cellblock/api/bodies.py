"""Request bodies as every dialect reads them: JSON into a struct, complaints that name the field."""

from __future__ import annotations

import re
from typing import TypeVar

import msgspec

from cellblock.api.errors import AnyRequest
from cellblock.errors import RequestRefused

T = TypeVar("T")

_MISSING_FIELD = re.compile(
    r"Object missing required field `(?P<field>\w+)`(?: - at `\$\.?(?P<where>[^`]+)`)?"
)
_WRONG_TYPE = re.compile(
    r"Expected `(?P<expected>[^`]+)`, got `(?P<got>[^`]+)`(?: - at `\$\.(?P<field>[^`]+)`)?"
)
_OUT_OF_RANGE = re.compile(r"(?:Number|Integer value) out of range - at `\$\.(?P<field>[^`]+)`")
_MALFORMED = "JSON is malformed: "
_HALF_PAIR_AT_END = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}.{0,5}", re.DOTALL)
"""The decoder looks for the other half beyond the end, and says that the end is missing."""
_TYPE_NAMES = {
    "str": "a string",
    "str | null": "a string or null",
    "object": "a JSON object",
    "array | null": "an array or null",
    "int | float | null": "a number or null",
}


async def read(request: AnyRequest) -> bytes:
    """Return the body, which nothing else keeps: requests can wait long, and by the thousand."""
    return b"".join([piece async for piece in request.stream()])


def require_json(content_type: str) -> None:
    """Refuse (415) every media type but JSON."""
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type != "application/json":
        sent = f"`{media_type}`" if media_type else "none"
        raise RequestRefused(415, f"content-type must be application/json, got {sent}")


def decode(decoder: msgspec.json.Decoder[T], body: bytes, *, misfit_status: int) -> T:
    """Parse a body: 400 for what is no JSON, ``misfit_status`` for a missing field or a wrong type."""
    try:
        try:
            return decoder.decode(body)
        except msgspec.ValidationError as error:
            # What is no JSON further on is no JSON, whatever its fields.
            msgspec.json.decode(body, type=msgspec.Raw)
            raise RequestRefused(misfit_status, _explain(str(error))) from error
    except (msgspec.DecodeError, UnicodeError) as error:
        if _HALF_PAIR_AT_END.fullmatch(body[body.rfind(b"\\u") :]):
            raise RequestRefused(400, "malformed JSON: ends in half of a surrogate pair") from error
        raise RequestRefused(400, f"malformed JSON: {str(error).removeprefix(_MALFORMED)}") from error
    except RecursionError as error:
        raise RequestRefused(400, "malformed JSON: nested too deeply") from error


def utf8(field: str, text: str) -> bytes:
    """Encode a text; 400 where it cannot be."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise RequestRefused(400, f"field `{field}`: contains a lone surrogate, which no text has") from error


def bounded_utf8(field: str, text: str, max_bytes: int) -> bytes:
    """Encode a text of at most ``max_bytes``; 400 names the limit."""
    encoded = utf8(field, text)
    if len(encoded) > max_bytes:
        raise RequestRefused(400, f"{field} exceeds maximum size of {size(max_bytes)}")
    return encoded


def size(limit_bytes: int) -> str:
    """Write a limit as clients read it: ``64KB``, or in bytes where it is no whole number of those."""
    whole_kib, rest = divmod(limit_bytes, 1024)
    return f"{limit_bytes} bytes" if rest else f"{whole_kib}KB"


def _explain(reason: str) -> str:
    """Word msgspec's complaint so that it names the field and what was expected."""
    if missing := _MISSING_FIELD.fullmatch(reason):
        field = f"{missing['where']}.{missing['field']}" if missing["where"] else missing["field"]
        return f"field `{field}` is missing: expected a string"
    if wrong := _WRONG_TYPE.fullmatch(reason):
        where = f"field `{wrong['field']}`" if wrong["field"] else "request body"
        expected = _TYPE_NAMES.get(wrong["expected"], wrong["expected"])
        return f"{where}: expected {expected}, got {wrong['got']}"
    if too_big := _OUT_OF_RANGE.fullmatch(reason):
        return f"field `{too_big['field']}`: the number is out of range"
    return f"request body: {reason}"
