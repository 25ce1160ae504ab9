"""Sockets and numbers of the machine, as the filters for both architectures decide them."""

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


SIZES = (0, 8, 16, 64, 72, 88, 0x3FFF)
"""Of a structure that grows with the kernel, in bits 16 to 29 of the request."""


def requests(low: int) -> list[int]:
    return [direction << 30 | size << 16 | low for direction in range(4) for size in SIZES]


@pytest.mark.parametrize("upper", [0, 1 << 32, 0xFFFFFFFF << 32], ids=hex)
def test_numbers_of_namespaces_and_groups_are_refused_in_any_size(arch, upper):
    for number in range(1, 32):
        namespace = ERRNO | errno.ENOTTY if number in {5, 10, 11, 12, 13} else ALLOW
        process = ERRNO | errno.ENOTTY if number == 11 else ALLOW
        for request in requests(0xB700 | number):
            assert on(arch, "ioctl", 3, upper | request) == namespace, hex(request)
        for request in requests(0xFF00 | number):
            assert on(arch, "ioctl", 3, upper | request) == process, hex(request)


@pytest.mark.parametrize("upper", [0, 1 << 32], ids=hex)
def test_requests_by_which_the_kernel_loads_bridges_and_virtual_networks_are_refused(arch, upper):
    refused = {0x8940, 0x8941, *range(0x8980, 0x8984), *range(0x89A0, 0x89A4)}
    for request in range(0x8900, 0x8A00):
        wanted = ERRNO | errno.ENOPKG if request in refused else ALLOW
        assert on(arch, "ioctl", 3, upper | request) == wanted, hex(request)


def test_the_lasting_number_of_a_mount_is_refused_whatever_else_is_asked_for(arch):
    lasting, refused = 0x4000, ERRNO | errno.EINVAL
    for bit in range(64):
        assert on(arch, "statx", 3, 0, 0, 1 << bit) == (refused if 1 << bit == lasting else ALLOW), bit
        assert on(arch, "statx", 3, 0, 0, 1 << bit | lasting) == refused, bit
    for usual in (0x7FF, 0xFFF, 0x1FFF, 0xFFFF_FFFF & ~lasting):
        assert on(arch, "statx", lasting, lasting, lasting, usual, lasting) == ALLOW
