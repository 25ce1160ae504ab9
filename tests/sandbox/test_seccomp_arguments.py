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
        *(
            ("socket", f"{family}, {kind}, 0", "ESOCKTNOSUPPORT")
            for family in (2, 10)
            for kind in (0, 5, 6, 10)
        ),
        *(
            ("socket", f"{family}, 0x80801, {late}", "EPROTONOSUPPORT")
            for family in (2, 10)
            for late in (256, 262)
        ),
        *(("socketpair", f"{family}, 1, 6, program", "ENOTSUP") for family in (2, 10)),
        *(("socket", f"1, {kind}, 0", "done") for kind in (1, 2, 5)),
        *(("socket", f"{family}, {kind | 0x80800}, 0", "done") for family in (2, 10) for kind in (1, 2)),
        ("socketpair", "1, 5, 0, program", "done"),
    ],
)
def test_sockets_of_types_and_protocols_that_are_no_programs_are_refused(cells, name, arguments, error):
    outcome = cells.run(f"{CALL}{OWN_FILTER}\ncall({number_of(name)}, {arguments})")
    assert (outcome.verdict, outcome.stdout.decode().strip()) == (Verdict.AC, error)


def test_a_connection_takes_no_upper_layer_and_every_other_option_of_its_own(cells):
    outcome = cells.run(f"""{CALL}
import socket
made = socket.socket()
tls = ctypes.addressof(ctypes.create_string_buffer(b"tls"))
call({number_of("setsockopt")}, made.fileno(), 6, 31, tls, 3)
made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
""")
    assert (outcome.verdict, outcome.stdout) == (Verdict.AC, b"ENOPROTOOPT\n")


def test_no_module_is_loaded_for_bridges_and_virtual_networks(cells):
    outcome = cells.run(f"""{CALL}
import array, fcntl, socket, termios
made = socket.socket()
for request in (0x8940, 0x8982, 0x89a2):
    call({number_of("ioctl")}, made.fileno(), request, 0)
fcntl.ioctl(made, termios.FIONREAD, array.array("i", [0]))
""")
    assert (outcome.verdict, outcome.stdout.split()) == (Verdict.AC, [b"ENOPKG"] * 3)


LASTING = """
import os
into = ctypes.create_string_buffer(256)
root, at = ctypes.create_string_buffer(b"/"), ctypes.addressof(into)
def of_mount(mask): call(STATX, 0, ctypes.addressof(root), 0, mask, at)
"""


def test_no_number_of_a_mount_a_namespace_or_a_group_is_told_that_is_never_used_again(cells):
    outcome = cells.run(f"""{CALL}{LASTING.replace("STATX", str(number_of("statx")))}
for mask in (0x4000, 0x4fff, 0xfff, 0x1fff):
    of_mount(mask)
for kind in os.listdir("/proc/self/ns"):
    for request in (0x8008b705, 0x8010b70a, 0x8018b70a, 0x8008b70d):
        call({number_of("ioctl")}, os.open(f"/proc/self/ns/{{kind}}", 0), request, at)
for size in (64, 72, 88):
    call({number_of("ioctl")}, os.pidfd_open(os.getpid()), 0xc000ff0b | size << 16, at)
""")
    of_mounts, others = outcome.stdout.split()[:4], outcome.stdout.split()[4:]
    assert of_mounts == [b"EINVAL", b"EINVAL", b"done", b"done"]
    assert len(others) > 4 * 7
    assert set(others) == {b"ENOTTY"}


def test_programs_that_ask_for_all_of_a_file_still_learn_it(cells):
    outcome = cells.run("import os; os.system('stat /usr/bin/env && ls -la --time=birth /usr/bin/env')")
    assert (outcome.verdict, outcome.stderr) == (Verdict.AC, b"")
    assert outcome.stdout.count(b"/usr/bin/env") == 2


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
