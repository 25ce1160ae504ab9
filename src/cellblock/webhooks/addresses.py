"""Which addresses may be contacted: those that the standard library calls global, and that hide no other."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network

from cellblock.webhooks.target import Address

_NAT64 = IPv6Network("64:ff9b::/96")


def is_public(address: Address) -> bool:
    """Return whether an address is one of the public internet, whichever way it is written."""
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return False
        if (inner := _inner(address)) is not None:
            return is_public(inner)
        if address.is_site_local:
            return False
    # Multicast and what was never assigned count as global for ``ipaddress``.
    return address.is_global and not (address.is_multicast or address.is_reserved)


def is_loopback(address: Address) -> bool:
    """Return whether an address is this machine's own."""
    inner = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (inner or address).is_loopback


def _inner(address: IPv6Address) -> IPv4Address | None:
    """Return the address that is reached behind a translating or tunnelling one."""
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour
