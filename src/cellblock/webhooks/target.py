"""From the text of a URL to where it points. Pure: names are not looked up here.

The text is taken apart once, strictly, and requests are made from the parts, so no second reader
can understand it differently.
"""

from __future__ import annotations

import re
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import quote, urlsplit

import idna
from msgspec import Struct

URL_MAX_BYTES = 2000
_DEFAULT_PORTS = {"http": 80, "https": 443}
_LARGEST_PORT = 65535
_UNFIT = re.compile(r"[\x00-\x20\x7f-\xa0\\\s]")
_AUTHORITY = re.compile(
    r"(?:\[(?P<bracketed>[0-9A-Fa-f:.]+)\]|(?P<name>[^\[\]@:]*))(?::(?P<port>[0-9]{0,5}))?"
)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_NAME_MAX_LENGTH = 253
_KEPT_IN_PATHS = "%/:?#[]@!$&'()*+,;=-._~"

Address = IPv4Address | IPv6Address


class TargetError(ValueError):
    """The text is no URL."""


class Target(Struct, frozen=True, kw_only=True):
    """Where a webhook goes."""

    scheme: str
    """Lower-case, whichever it is."""
    host: str
    """An address, or a name in its ASCII form, lower-case, without a final dot; empty where there is none."""
    literal: Address | None
    """The host where it is an address, in whatever way it was written."""
    port: int
    path: str
    """Path and query as they are sent."""

    @property
    def is_local_name(self) -> bool:
        """Whether the host is a name that means this machine, by RFC 6761."""
        return self.host == "localhost" or self.host.endswith(".localhost")

    @property
    def authority(self) -> str:
        """What the Host header says: the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if isinstance(self.literal, IPv6Address) else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def parse(url: str) -> Target:
    """Take a URL apart; raises ``TargetError`` where it is none.

    Schemes other than http and https, and a missing host, are for the caller to refuse.
    """
    if not _is_text_of_url(url):
        raise TargetError
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise TargetError from error
    if not parts.scheme:
        raise TargetError
    if parts.scheme not in _DEFAULT_PORTS:
        return Target(scheme=parts.scheme, host="", literal=None, port=0, path="")
    authority = _AUTHORITY.fullmatch(parts.netloc)
    if authority is None:
        raise TargetError
    host, literal = _host(authority["bracketed"], authority["name"])
    port = int(authority["port"]) if authority["port"] else _DEFAULT_PORTS[parts.scheme]
    if not 1 <= port <= _LARGEST_PORT:
        raise TargetError
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    return Target(
        scheme=parts.scheme,
        host=host,
        literal=literal,
        port=port,
        path=quote(path if path.startswith("/") else f"/{path}", safe=_KEPT_IN_PATHS),
    )


def _is_text_of_url(url: str) -> bool:
    try:
        return 0 < len(url.encode()) <= URL_MAX_BYTES and not _UNFIT.search(url)
    except UnicodeEncodeError:  # a lone surrogate
        return False


def _host(bracketed: str | None, name: str | None) -> tuple[str, Address | None]:
    """Return the host as it is to be written, and as an address where it is one."""
    try:
        if bracketed is not None:
            address: Address = IPv6Address(bracketed)
            return str(address), address
        ascii_name = _ascii(name or "").removesuffix(".")
        if not ascii_name:
            return "", None
        labels = ascii_name.split(".")
        if _NUMBER.fullmatch(labels[-1]):
            # What resolvers take for an address: fewer than four parts, octal and hexadecimal ones.
            address = ip_address(socket.inet_aton(ascii_name))
            return str(address), address
    except (ValueError, OSError) as error:
        raise TargetError from error
    if len(ascii_name) > _NAME_MAX_LENGTH or not all(_LABEL.fullmatch(label) for label in labels):
        raise TargetError
    return ascii_name, None


def _ascii(name: str) -> str:
    """Return a name's ASCII form; raises ``ValueError`` where it has none."""
    if name.isascii():
        return name.lower()
    return idna.encode(name, uts46=True, transitional=False).decode("ascii")  # IDNAError is a ValueError
