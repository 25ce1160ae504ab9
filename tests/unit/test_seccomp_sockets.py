"""What the filter says of sockets: of their families, types and protocols, and of what is set on them."""

from __future__ import annotations

import errno

import pytest

from unit.deciding import ALLOW, ERRNO, NOTIFY, on, on_each

UNIX, INET, INET6 = 1, 2, 10


@pytest.mark.parametrize("name", ["socket", "socketpair"])
@on_each
def test_only_unix_and_internet_sockets_are_allowed_whatever_stands_in_the_upper_half(arch, name):
    """The kernel reads the family as an int: what it would read must have been judged."""
    for family in range(300):
        allowed = family in ({UNIX, INET, INET6} if name == "socket" else {UNIX})
        assert (on(arch, name, family, 1) == ALLOW) == allowed, family
        for upper in (1, 0x80000000, 0xFFFFFFFF):
            assert on(arch, name, upper << 32 | family, 1) != ALLOW, (upper, family)


@on_each
def test_rarely_used_socket_families_are_stopped_and_forgotten_ones_refused(arch):
    for family in range(17, 46):
        assert on(arch, "socket", family) == NOTIFY, family
    for family in [16, 3, 15, 46, 255, 0xFFFFFFFF]:
        assert on(arch, "socket", family) == ERRNO | errno.EAFNOSUPPORT, family


REFUSED, NO_SUCH_OPTION, IGNORED = ERRNO | errno.EPERM, ERRNO | errno.ENOPROTOOPT, ERRNO | 0
SOL_IP, SOL_SOCKET, SOL_TCP, SOL_IPV6 = 0, 1, 6, 41
SO_RCVBUF, IP_MINTTL, IPV6_FLOWLABEL_MGR, IPV6_MINHOPCOUNT = 8, 21, 32, 73
ORDINARY_OF_TCP = {*range(1, 14), 16, 17, 23, 24, 25, 30, 36}
"""NODELAY to CONGESTION, THIN_…, FASTOPEN, TIMESTAMP, NOTSENT_LOWAT, FASTOPEN_CONNECT, INQ."""
SET = {
    SOL_SOCKET: dict.fromkeys((26, 50, 51, 52), REFUSED) | {SO_RCVBUF: IGNORED},
    SOL_IP: {IP_MINTTL: NO_SUCH_OPTION},
    SOL_IPV6: dict.fromkeys((IPV6_FLOWLABEL_MGR, IPV6_MINHOPCOUNT), NO_SUCH_OPTION),
    SOL_TCP: dict.fromkeys({*range(300)} - ORDINARY_OF_TCP, NO_SUCH_OPTION),
}
GOT = {SOL_SOCKET: dict.fromkeys((57, 71), NO_SUCH_OPTION)}
UPPER = pytest.mark.parametrize("upper", [0, 1 << 32, 0xFFFFFFFF << 32], ids=hex)


@UPPER
@pytest.mark.parametrize(("call", "judged"), [("setsockopt", SET), ("getsockopt", GOT)])
@on_each
def test_options_that_harm_others_are_refused_whatever_stands_in_the_upper_half(arch, call, judged, upper):
    for level in (0, 1, 2, 5, 6, 7, 17, 40, 41, 42, 58, 255, 270):
        of_level = judged.get(level, {})
        for option in range(300):
            wanted = of_level.get(option, ALLOW)
            assert on(arch, call, 3, upper | level, upper | option) == wanted, (level, option)
    for descriptor in (1, 6, 26, 41):
        assert on(arch, call, descriptor, 255, 26) == ALLOW


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
ALLOWED = {
    (INET, STREAM): {0, 6},
    (INET6, STREAM): {0, 6},
    (INET, DGRAM): {0, 1, 17},
    (INET6, DGRAM): {0, 17, 58},
}
"""TCP, UDP and ping: for any other the kernel looks for a module. Of raw sockets it does not."""


def action_on_socket(family: int, kind: int, protocol: int) -> set[int]:
    """What must follow; where two things are refused, either answer will do."""
    if family == UNIX:
        return {ALLOW}
    if family not in {INET, INET6}:
        return {NOTIFY if 17 <= family <= 45 else ERRNO | errno.EAFNOSUPPORT}
    refused = set()
    if kind not in {STREAM, DGRAM, RAW}:
        refused.add(ERRNO | errno.ESOCKTNOSUPPORT)
    if (protocol & 0xFFFFFFFF) not in ALLOWED.get((family, kind), {protocol & 0xFFFFFFFF}):
        refused.add(ERRNO | errno.EPROTONOSUPPORT)
    return refused or {ALLOW}


@on_each
@pytest.mark.parametrize("flags", [0, NONBLOCK | CLOEXEC, 1 << 32], ids=hex)
def test_a_socket_is_judged_by_its_family_type_and_protocol(arch, flags):
    for family in (0, UNIX, INET, 9, INET6, 16, 17, 43, 46):
        for kind in range(16):
            for protocol in PROTOCOLS:
                wanted = action_on_socket(family, kind, protocol)
                assert on(arch, "socket", family, kind | flags, protocol) in wanted, (family, kind, protocol)


@on_each
def test_internet_sockets_come_in_no_pairs(arch):
    """The kernel makes both before it says so: any module would have been loaded by then."""
    for kind in range(16):
        for protocol in PROTOCOLS:
            for family in (INET, INET6):
                assert on(arch, "socketpair", family, kind, protocol) == ERRNO | errno.EOPNOTSUPP
            assert on(arch, "socketpair", UNIX, kind, protocol) == ALLOW
