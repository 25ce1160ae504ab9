"""Sockets and their requests, as the filters for both architectures decide them."""

from __future__ import annotations

import errno

import pytest

from unit.test_seccomp import ALLOW, ARCHES, ERRNO, INET, INET6, NOTIFY, UNIX, on

pytestmark = pytest.mark.parametrize("arch", ARCHES.values(), ids=ARCHES)

STREAM, DGRAM, RAW = 1, 2, 3
NONBLOCK, CLOEXEC = 0o4000, 0o2000000
PROTOCOLS = (
    0,
    1,
    6,
    17,
    33,
    47,
    58,
    115,
    132,
    136,
    143,
    255,
    256,
    257,
    261,
    262,
    263,
    511,
    0xFFFFFFFF,
    1 << 32 | 6,
)
LOADED = {33, 115, 132, 136}


def action_on_socket(family: int, kind: int, protocol: int) -> set[int]:
    """What must follow; where two things are refused, either answer will do."""
    if family == UNIX:
        return {ALLOW}
    if family not in {INET, INET6}:
        return {NOTIFY if 17 <= family <= 45 else ERRNO | errno.EAFNOSUPPORT}
    refused = set()
    if kind not in {STREAM, DGRAM, RAW}:
        refused.add(ERRNO | errno.ESOCKTNOSUPPORT)
    if protocol in LOADED or protocol > 255:
        refused.add(ERRNO | errno.EPROTONOSUPPORT)
    return refused or {ALLOW}


@pytest.mark.parametrize("flags", [0, NONBLOCK | CLOEXEC, 1 << 32], ids=hex)
def test_a_socket_is_judged_by_its_family_type_and_protocol(arch, flags):
    for family in (0, UNIX, INET, 9, INET6, 16, 17, 43, 46):
        for kind in range(16):
            for protocol in PROTOCOLS:
                wanted = action_on_socket(family, kind, protocol)
                assert on(arch, "socket", family, kind | flags, protocol) in wanted, (family, kind, protocol)


def test_internet_sockets_come_in_no_pairs(arch):
    """The kernel makes both before it says so: any module would have been loaded by then."""
    for kind in range(16):
        for protocol in PROTOCOLS:
            for family in (INET, INET6):
                assert on(arch, "socketpair", family, kind, protocol) == ERRNO | errno.EOPNOTSUPP
            assert on(arch, "socketpair", UNIX, kind, protocol) == ALLOW


@pytest.mark.parametrize("upper", [0, 1 << 32], ids=hex)
def test_requests_by_which_the_kernel_loads_bridges_and_virtual_networks_are_refused(arch, upper):
    refused = {0x8940, 0x8941, *range(0x8980, 0x8984), *range(0x89A0, 0x89A4)}
    for request in range(0x8900, 0x8A00):
        wanted = ERRNO | errno.ENOPKG if request in refused else ALLOW
        assert on(arch, "ioctl", 3, upper | request) == wanted, hex(request)
