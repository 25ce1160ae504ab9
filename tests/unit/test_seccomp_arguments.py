"""Requests and numbers of the machine, as the filters for both architectures decide them."""

from __future__ import annotations

import errno

import pytest

from unit.deciding import ALLOW, ARCHES, ERRNO, on

pytestmark = pytest.mark.parametrize("arch", ARCHES.values(), ids=ARCHES)

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
