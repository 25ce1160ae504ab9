"""Who a request comes from, and whom it takes us for: addresses as headers tell them. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from functools import lru_cache

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_WITH_PORT = re.compile(r"\[(?P<v6>[^\]]*)\](?::[0-9]*)?|(?P<plain>[^:]*):[0-9]*")
_V6_SUBSCRIBER_BITS = 64
_V4_BITS = 32


def client_address(peer: str, forwarded_for: Sequence[str], trusted: Sequence[Network]) -> Address | None:
    """Return the address of the client: the peer's, or what a chain of trusted proxies says.

    ``forwarded_for`` are the values of ``X-Forwarded-For``, as sent. They are read from the right,
    where the nearest proxy writes, and only as long as a trusted proxy has written them. ``None``
    where the peer has no address.
    """
    address = _parse(peer)
    hops = [hop for value in forwarded_for for hop in value.split(",")]
    while address is not None and hops and any(address in network for network in trusted):
        said = _parse(_without_port(hops.pop().strip()))
        if said is None:
            break
        address = said
    return address


def subscriber(address: Address) -> str:
    """Return what one subscriber has: an IPv4 address, or a whole /64 of IPv6."""
    bits = _V4_BITS if isinstance(address, ipaddress.IPv4Address) else _V6_SUBSCRIBER_BITS
    return str(ipaddress.ip_network((address, bits), strict=False))


@lru_cache(maxsize=64)
def is_this_machine(host: str) -> bool:
    """Say whether a ``Host`` header can only mean this machine: a loopback address, or localhost."""
    name = _without_port(host.strip())
    address = _parse(name)
    if address is not None:
        return address.is_loopback
    return name.rstrip(".").lower() == "localhost"


def _without_port(text: str) -> str:
    found = _WITH_PORT.fullmatch(text)
    if not found:
        return text
    return found["plain"] if found["v6"] is None else found["v6"]


def _parse(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
