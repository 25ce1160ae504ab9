"""What a program sees of processes, names, users and other runs: itself, and nothing else."""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import socket
import textwrap
from pathlib import Path

import pytest

from cellblock.model import Verdict
from cellblock.sandbox import controls
from cellblock.sandbox.controls import NAMESPACES


def test_program_lives_in_namespaces_of_its_own(cells):
    seen = cells.observe("""
        import json, os
        names = os.listdir("/proc/self/ns")
        print(json.dumps({name: os.readlink(f"/proc/self/ns/{name}") for name in names}))
    """)
    for name in NAMESPACES:
        assert seen[name] != str(Path("/proc/self/ns", name).readlink()), name


def test_two_runs_share_no_namespace_and_no_uid(cells):
    code = f"""
        import json, os, time
        time.sleep(0.3)
        names = {sorted(NAMESPACES)}
        print(json.dumps([os.getuid()] + [os.readlink("/proc/self/ns/" + name) for name in names]))
    """

    async def both():
        return await asyncio.gather(cells.running(code), cells.running(code))

    first, second = (json.loads(outcome.stdout) for outcome in cells.call(both()))
    assert set(first).isdisjoint(second)


def test_program_sees_only_itself_in_proc(cells):
    seen = cells.observe("""
        import json, os
        print(json.dumps([name for name in os.listdir("/proc") if name.isdigit()]))
    """)
    assert seen == ["2"]


def test_proc_shows_processes_and_nothing_of_the_machine(cells):
    names = cells.observe('import json, os; print(json.dumps(os.listdir("/proc")))')
    assert set(names) <= {"2", "self", "thread-self"}


def test_program_is_process_two_and_leads_a_session_of_its_own(cells):
    seen = cells.observe("""
        import json, os
        print(json.dumps([os.getpid(), os.getppid(), os.getsid(0), os.getpgid(0)]))
    """)
    assert seen == [2, 1, 2, 2]


def test_program_can_neither_signal_nor_steer_init(cells):
    seen = cells.observe("""
        import errno, json, os, resource, signal

        def attempt(action, *arguments):
            try:
                action(*arguments)
            except OSError as error:
                return errno.errorcode[error.errno]
            return "done"

        print(json.dumps({
            "kill": attempt(os.kill, 1, signal.SIGKILL),
            "probe": attempt(os.kill, 1, 0),
            "group": attempt(os.killpg, 1, signal.SIGKILL),
            "prlimit": attempt(resource.prlimit, 1, resource.RLIMIT_NOFILE, (0, 0)),
            "affinity": attempt(os.sched_setaffinity, 1, {0}),
            "priority": attempt(os.setpriority, os.PRIO_PROCESS, 1, 19),
            "pidfd": attempt(lambda: signal.pidfd_send_signal(os.pidfd_open(1), signal.SIGKILL)),
            "proc": attempt(os.listdir, "/proc/1"),
        }))
    """)
    assert seen.pop("proc") == "ENOENT"
    assert seen.pop("group") == "ESRCH"
    assert set(seen.values()) == {"EPERM"}, seen


def test_killing_every_process_reaches_nobody_else(cells):
    outcome = cells.run("import os, signal; os.kill(-1, signal.SIGKILL)")
    assert outcome.verdict is Verdict.RE
    assert b"ProcessLookupError" in outcome.stderr


def test_a_process_of_the_host_cannot_be_signalled(cells):
    outcome = cells.run("import os, sys; os.kill(int(sys.argv[1]), 0)", args=(str(os.getpid()),))
    assert b"ProcessLookupError" in outcome.stderr


def test_host_name_is_the_configured_one(cells):
    seen = cells.observe(
        "import json, socket, os; print(json.dumps([socket.gethostname(), os.uname().nodename]))"
    )
    assert seen == ["cellblock", "cellblock"]


def test_own_cgroup_looks_like_the_root(cells):
    lines = cells.observe('import json; print(json.dumps(open("/proc/self/cgroup").read().splitlines()))')
    assert lines
    assert [line.split(":", 2)[2] for line in lines] == ["/"] * len(lines)


SHARED_MEMORY = """
    import ctypes, errno, json, sys
    libc = ctypes.CDLL(None, use_errno=True)
    found = {}
    for name, call in (
        ("segment", lambda: libc.shmget(0x0ce11b10, 0, 0)),
        ("semaphore", lambda: libc.semget(0x0ce11b10, 0, 0)),
        ("queue", lambda: libc.msgget(0x0ce11b10, 0)),
        ("posix_queue", lambda: libc.mq_open(b"/cellblock-test", 0)),
    ):
        found[name] = "there" if call() >= 0 else errno.errorcode[ctypes.get_errno()]
    print(json.dumps(found))
"""
IPC_CREAT = 0o1000
NOT_THERE = dict.fromkeys(("segment", "semaphore", "queue", "posix_queue"), "ENOENT")


@pytest.fixture
def host_ipc():
    """Objects of the host that anybody may open: there for a program that shared its namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    removers = [
        (
            libc.shmget(0x0CE11B10, ctypes.c_size_t(4096), IPC_CREAT | 0o666),
            lambda n: libc.shmctl(n, 0, None),
        ),
        (libc.semget(0x0CE11B10, 1, IPC_CREAT | 0o666), lambda n: libc.semctl(n, 0, 0)),
        (libc.msgget(0x0CE11B10, IPC_CREAT | 0o666), lambda n: libc.msgctl(n, 0, None)),
        (libc.mq_open(b"/cellblock-test", os.O_CREAT | os.O_RDWR, 0o666, None), os.close),
    ]
    assert min(number for number, _ in removers) >= 0
    yield
    for number, remove in removers:
        remove(number)
    libc.mq_unlink(b"/cellblock-test")


@pytest.mark.usefixtures("host_ipc")
def test_ipc_objects_of_the_host_are_not_there(cells):
    assert cells.observe(SHARED_MEMORY) == NOT_THERE


def test_ipc_objects_of_one_run_are_not_there_for_the_next(cells):
    left = cells.run("""
        import ctypes, os
        libc = ctypes.CDLL(None, use_errno=True)
        made = [libc.shmget(0x0ce11b10, 4096, 0o1666), libc.semget(0x0ce11b10, 1, 0o1666),
                libc.msgget(0x0ce11b10, 0o1666),
                libc.mq_open(b"/cellblock-test", os.O_CREAT | os.O_RDWR, 0o666, None)]
        assert min(made) >= 0, made
    """)
    assert left.verdict is Verdict.AC, left.stderr
    assert cells.observe(SHARED_MEMORY) == NOT_THERE


def test_an_abstract_socket_of_the_host_cannot_be_reached(cells):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(b"\0cellblock-test-abstract")
        listener.listen()
        outcome = cells.run(
            'import socket; socket.socket(socket.AF_UNIX).connect(b"\\0cellblock-test-abstract")'
        )
    assert b"ConnectionRefusedError" in outcome.stderr


# To the world a datagram's socket is connected only, which asks for a route and sends nothing.
NETWORK = """
    import errno, json, socket, sys
    port = int(sys.argv[1])

    def attempt(action):
        try:
            action()
        except OSError as error:
            return errno.errorcode.get(error.errno, str(error.errno))
        return "done"

    def connect(kind, address):
        return attempt(lambda: socket.socket(kind, socket.SOCK_STREAM).connect(address))

    def own_listener():
        listener = socket.create_server(("127.0.0.1", 0))
        socket.socket().connect(listener.getsockname())

    print(json.dumps({
        "host": connect(socket.AF_INET, ("127.0.0.1", port)),
        "itself": attempt(own_listener),
        "world": attempt(lambda: socket.socket(type=socket.SOCK_DGRAM).connect(("198.51.100.1", 53))),
        "ipv6": connect(socket.AF_INET6, ("::1", port)),
        "udp": attempt(lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", port))),
        "raw": attempt(lambda: socket.socket(type=socket.SOCK_RAW, proto=1)),
        "name": attempt(lambda: socket.create_connection(("localhost.example", 80), timeout=2)),
    }))
"""


def test_program_reaches_no_network_not_even_its_own_loopback(cells):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        seen = cells.observe(NETWORK, args=(str(listener.getsockname()[1]),))
    assert seen["raw"] == "EPERM"
    assert seen["name"].lstrip("-").isdigit()  # a resolver's error, not the kernel's
    assert seen["ipv6"] in {"ENETUNREACH", "EADDRNOTAVAIL", "EAFNOSUPPORT"}
    for target in ("host", "itself", "world", "udp"):
        assert seen[target] == "ENETUNREACH", target


HOLDS = """
import socket, sys, time
tcp, named = socket.create_server(("127.0.0.1", 5555)), socket.socket(socket.AF_UNIX)
named.bind("\\0cellblock-test-neighbour")
named.listen()
print("listens", flush=True)
time.sleep(3 * float(sys.argv[1]))
for listener in (tcp, named):
    listener.setblocking(False)
    try:
        print("reached", listener.accept())
    except BlockingIOError:
        pass
"""
LOOKS = """
import socket, sys, time
time.sleep(float(sys.argv[1]))
for family, address in (
    (socket.AF_INET, ("127.0.0.1", 5555)),
    (socket.AF_INET, ("0.0.0.0", 5555)),
    (socket.AF_UNIX, "\\0cellblock-test-neighbour"),
):
    try:
        socket.socket(family).connect(address)
    except ConnectionRefusedError:
        print("refused")
"""


def test_two_runs_with_a_loopback_have_one_each(cells):
    both_at_once = (
        f"import os\nif os.fork():{textwrap.indent(LOOKS, '    ')}\n    os.wait()"
        f"\nelse:{textwrap.indent(HOLDS, '    ')}"
    )
    how = {"loopback": True, "args": (str(0.5 * cells.time_scale),)}

    async def apart():
        return await asyncio.gather(cells.running(HOLDS, **how), cells.running(LOOKS, **how))

    assert [outcome.stdout for outcome in cells.call(apart())] == [b"listens\n", b"refused\n" * 3]
    in_one_cell = cells.run(both_at_once, **how)
    assert (in_one_cell.stdout.count(b"refused"), in_one_cell.stdout.count(b"reached")) == (0, 2)


def test_program_has_no_interface_that_is_up(cells):
    flags = cells.observe("""
        import fcntl, json, socket, struct
        names = [line.split(":")[0].strip() for line in open("/proc/self/net/dev").readlines()[2:]]
        SIOCGIFFLAGS = 0x8913
        with socket.socket() as some:
            asked = [struct.pack("16s16x", name.encode()) for name in names]
            answers = {name: fcntl.ioctl(some, SIOCGIFFLAGS, ask) for name, ask in zip(names, asked)}
        print(json.dumps({name: struct.unpack("16sh14x", answer)[1] for name, answer in answers.items()}))
    """)
    assert "lo" in flags
    assert [name for name, value in flags.items() if value & 1] == []


def test_evidence_says_that_the_network_is_off_only_where_no_route_was_seen(cells, monkeypatch):
    assert cells.run("pass").evidence.network == "off"
    monkeypatch.setattr(controls, "_read_routed", lambda _: frozenset({"lo", "veth0"}))
    assert cells.run("pass").evidence.network is None


def test_routes_of_both_families_are_read_and_a_kernel_without_ipv6_has_none_of_it(tmp_path):
    (tmp_path / "route").write_text("Iface\tDestination\tGateway\neth0\t00000000\t010200C0\t0003\n")
    assert controls._read_routed(tmp_path) == {"eth0"}
    (tmp_path / "ipv6_route").write_text(
        f"{'0' * 31}1 80 {'0' * 32} 00 {'0' * 32} 00000000 00000001 00000000 80200001       lo\n"
    )
    assert controls._read_routed(tmp_path) == {"eth0", "lo"}
