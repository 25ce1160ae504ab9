"""How settings are written: one kind for each sort of text, with what it expects in words."""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from msgspec import Struct

from cellblock.model import Limits, Profile

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
LimitOverrides = dict[str, dict[str, dict[str, int]]]
"""Language, then a use of ``LIMITED``, then a field of ``model.Limits``."""

LIMITED = (*Profile, "compile")
"""What has limits of its own: running, by profile, and compiling."""

OUTPUT_CEILING_BYTES = 32 * 1024 * 1024
"""The most that may be kept of one stream: an answer under way holds all of its output in memory, and each
copy that the store needs is one step, during which nobody else is served."""
_LARGEST_LIMIT = 2**63 - 1
_ORIGIN = re.compile(r"https?://(?:[a-z0-9._-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::[0-9]{1,5})?")
_SWITCH_WORDS = dict.fromkeys(("true", "1", "yes", "on"), True) | dict.fromkeys(
    ("false", "0", "no", "off"), False
)


class UnfitError(ValueError):
    """A text is not of its kind; the message, if any, says more than "is not a port number"."""


class Kind(Struct, frozen=True, kw_only=True):
    """How a setting is written: what is expected, how it is read and how it is written back."""

    expected: str
    """Completes the sentence: "abc" is not …"""
    parse: Callable[[str], object]
    """Raises ``UnfitError`` where the text is none of it."""
    render: Callable[[Any], str] = str
    combine: Callable[[Any, Any], Any] = lambda _farther, nearer: nearer
    """What holds where two sources speak; by default the nearer one alone."""


def whole(noun: str, low: int, high: int) -> Kind:
    """Whole numbers in decimal digits, both ends included."""
    expected = f"{noun} ({low}..{high})"

    def parse(text: str) -> int:
        # isdecimal() would let through other scripts' digits and int() underscores and spaces.
        if not re.fullmatch(r"[0-9]{1,20}", text) or not low <= int(text) <= high:
            raise UnfitError
        return int(text)

    return Kind(expected=expected, parse=parse)


def matching(expected: str, pattern: str) -> Kind:
    """Texts that match all of ``pattern``."""

    def parse(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise UnfitError
        return text

    return Kind(expected=expected, parse=parse)


def _parse_path(text: str) -> Path:
    if not text or "\0" in text:
        raise UnfitError
    return Path(text).absolute()


def _parse_switch(text: str) -> bool:
    try:
        return _SWITCH_WORDS[text.lower()]
    except KeyError:
        raise UnfitError from None


def _parse_address(text: str) -> str:
    try:
        return str(ipaddress.ip_address("127.0.0.1" if text == "localhost" else text))
    except ValueError:
        raise UnfitError from None


def _parse_origins(text: str) -> tuple[str, ...]:
    origins = tuple(dict.fromkeys(filter(None, (part.strip() for part in text.split(",")))))
    for origin in origins:
        if origin != "*" and not _ORIGIN.fullmatch(origin):
            raise UnfitError(
                f'"{origin}" is not an origin as browsers send it: scheme://host or scheme://host:port, '
                "in lower case, without a path"
            )
    return origins


def _parse_controls(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(filter(None, (part.strip() for part in text.split(",")))))
    for name in names:
        if not re.fullmatch(r"[a-z][a-z_]*", name):
            raise UnfitError(f'"{name}" is not a control; `cellblock doctor` lists them')
    return names


def _parse_token(text: str) -> str:
    if text and not re.fullmatch(r"[\x21-\x7e]{16,256}", text):
        raise UnfitError("must be 16 to 256 printable ASCII characters without spaces")  # never shown itself
    return text


def _parse_uid_range(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"([0-9]{1,10})-([0-9]{1,10})", text)
    if not found:
        raise UnfitError
    first, last = int(found[1]), int(found[2])
    if not 1 <= first <= last <= 2**32 - 2:
        raise UnfitError
    return first, last


def _parse_limits(text: str) -> LimitOverrides:
    limits: LimitOverrides = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = entry.partition("=")
        language, use, field = _limit_name(name.strip())
        value = value.strip()
        if not re.fullmatch(r"[0-9]{1,20}", value) or not 1 <= int(value) <= _LARGEST_LIMIT:
            raise UnfitError(f'{name.strip()}: "{value}" is not a whole number from 1')
        if field == "output_bytes" and int(value) > OUTPUT_CEILING_BYTES:
            raise UnfitError(f"{name.strip()}: at most {OUTPUT_CEILING_BYTES} bytes of a stream are kept")
        limits.setdefault(language, {}).setdefault(use, {})[field] = int(value)
    return limits


def _limit_name(name: str) -> tuple[str, str, str]:
    language, _, rest = name.partition(".")
    use, _, field = rest.partition(".")
    if not re.fullmatch(r"[a-z][a-z0-9_+#-]*", language) or not use or not field:
        raise UnfitError(f'"{name}" does not name a limit: write LANGUAGE.PROFILE.LIMIT')
    if use not in LIMITED:
        raise UnfitError(f'{name}: "{use}" is none of {", ".join(LIMITED)}')
    if field not in Limits.__struct_fields__:
        hint = did_you_mean(field, Limits.__struct_fields__)
        raise UnfitError(f'{name}: "{field}" is not a limit{hint} ({", ".join(Limits.__struct_fields__)})')
    return language, use, field


def _render_limits(limits: LimitOverrides) -> str:
    return ",".join(
        f"{language}.{profile}.{field}={value}"
        for language, profiles in limits.items()
        for profile, fields in profiles.items()
        for field, value in fields.items()
    )


def _combine_limits(farther: LimitOverrides, nearer: LimitOverrides) -> LimitOverrides:
    return _parse_limits(f"{_render_limits(farther)},{_render_limits(nearer)}")


def _parse_networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise UnfitError(f"{error}; write addresses or networks such as 10.0.0.7,fd00::/8") from None


PATH = Kind(expected="a path", parse=_parse_path)
OPTIONAL_PATH = Kind(
    expected="a path",
    parse=lambda text: _parse_path(text) if text else None,
    render=lambda path: str(path or ""),
)
SWITCH = Kind(expected="true or false", parse=_parse_switch, render=lambda switch: str(switch).lower())
ADDRESS = Kind(expected='an IP address or "localhost"', parse=_parse_address)
NETWORKS = Kind(
    expected="a list of addresses and networks",
    parse=_parse_networks,
    render=lambda networks: ",".join(map(str, networks)),
)
UID_RANGE = Kind(
    expected="a range of user ids (FIRST-LAST, both from 1 to 4294967294)",
    parse=_parse_uid_range,
    render=lambda bounds: f"{bounds[0]}-{bounds[1]}",
)
ORIGINS = Kind(expected="a list of origins", parse=_parse_origins, render=",".join)
CONTROLS = Kind(expected="a list of controls", parse=_parse_controls, render=",".join)
TOKEN = Kind(expected="a token", parse=_parse_token)
LIMITS = Kind(
    expected="a list of limits", parse=_parse_limits, render=_render_limits, combine=_combine_limits
)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return " (did you mean …?)" where one of the known names is close, else nothing."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {close[0]}?)" if close else ""
