"""The filter in force on arguments: what the whole machine would feel, or tell, is refused."""

from __future__ import annotations

import pytest

from cellblock.model import Verdict
from sandbox.test_seccomp import CALL, number_of

OWN_FILTER = """
import ctypes, struct
allow_all = ctypes.create_string_buffer(struct.pack("=HBBI", 0x06, 0, 0, 0x7fff0000))
filter = ctypes.create_string_buffer(struct.pack("@HxxxxxxQ", 1, ctypes.addressof(allow_all)))
program = ctypes.addressof(filter)
"""


@pytest.mark.parametrize(
    ("name", "arguments"), [("seccomp", "1, 0, program"), ("prctl", "22, 2, program, 0, 0")]
)
def test_a_filter_of_the_programs_own_is_refused(cells, name, arguments):
    outcome = cells.run(f"""{CALL}{OWN_FILTER}
call({number_of(name)}, {arguments})
call({number_of("ptrace")}, 0, 0, 0, 0)
""")
    assert outcome.evidence.seccomp.syscall == "ptrace"
    assert outcome.stdout == b"EPERM\n"


SOCKET_OPTIONS = """
import socket
made = [socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM), socket.socket(socket.AF_INET)]
for one in made:
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    one.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE)
"""


@pytest.mark.parametrize(
    ("name", "option", "error"),
    [
        *(("setsockopt", option, "EPERM") for option in (26, 50, 51, 52)),
        *(("getsockopt", option, "ENOPROTOOPT") for option in (57, 71)),
    ],
)
def test_a_socket_takes_no_filter_and_tells_no_number_of_the_machine(cells, name, option, error):
    at = "program, 16" if name == "setsockopt" else "program, ctypes.addressof(allow_all)"
    outcome = cells.run(f"""{CALL}{OWN_FILTER}{SOCKET_OPTIONS}
for one in made:
    call({number_of(name)}, one.fileno(), 1, {option}, {at})
""")
    assert (outcome.verdict, outcome.stdout.decode().split()) == (Verdict.AC, [error, error])


@pytest.mark.parametrize(
    ("name", "arguments", "error"),
    [
        ("mmap", "0, 2 << 20, 3, 0x40022, -1 % (1 << 64), 0", "ENOMEM"),
        ("mmap", "0, 1 << 30, 3, 30 << 26 | 0x40022, -1 % (1 << 64), 0", "ENOMEM"),
        ("shmget", "0, 2 << 20, 0x800 | 0o1600", "ENOMEM"),
        ("memfd_create", "program, 4", "EINVAL"),
        ("memfd_create", "program, 21 << 26 | 4", "EINVAL"),
    ],
)
def test_huge_pages_are_not_given(cells, name, arguments, error):
    outcome = cells.run(f"{CALL}{OWN_FILTER}\ncall({number_of(name)}, {arguments})")
    assert (outcome.verdict, outcome.stdout.decode().strip()) == (Verdict.AC, error)
