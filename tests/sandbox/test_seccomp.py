"""The filter in force: what only an exploit asks for ends the run and is named; probes are refused."""

from __future__ import annotations

import platform

import pyseccomp
import pytest

from cellblock.model import Verdict, VerdictActor, VerdictCause
from cellblock.sandbox.seccomp import load_policy, newest_known_number
from sandbox.cells import kill_reasons

CALL = """
import ctypes, errno, sys
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    words = [ctypes.c_long(argument - (1 << 64) if argument >> 63 else argument) for argument in arguments]
    result = libc.syscall(ctypes.c_long(number), *words)
    print("done" if result >= 0 else errno.errorcode[ctypes.get_errno()], flush=True)
"""

KILLED = {
    "namespaces": ["unshare", "setns"],
    "mounts": [
        *("mount", "umount2", "umount", "pivot_root", "chroot", "fsopen", "fsconfig", "fsmount", "fspick"),
        *("open_tree", "move_mount", "mount_setattr", "quotactl", "quotactl_fd", "swapon", "swapoff"),
    ],
    "other processes": [
        "ptrace",
        "process_vm_readv",
        "process_vm_writev",
        "kcmp",
        "pidfd_getfd",
        "process_madvise",
    ],
    "kernel programs": [
        "bpf",
        "perf_event_open",
        "userfaultfd",
        "lookup_dcookie",
        "fanotify_mark",
    ],
    "keys and handles": ["add_key", "request_key", "keyctl", "open_by_handle_at"],
    "the machine": [
        *("init_module", "finit_module", "delete_module", "create_module", "query_module", "get_kernel_syms"),
        *(
            "kexec_load",
            "kexec_file_load",
            "reboot",
            "acct",
            "syslog",
            "nfsservctl",
            "iopl",
            "ioperm",
            "uselib",
        ),
        *("_sysctl", "sysfs", "ustat", "vhangup", "sethostname", "setdomainname"),
    ],
}
"""What security demands, written down apart from the policy."""

BEYOND_LIBSECCOMP = {"open_tree_attr"}
"""Newer than the oldest libseccomp that we support: killed where it knows them, else ENOSYS."""

REFUSED = {
    "clone3": "ENOSYS",
    "io_uring_setup": "ENOSYS",
    "io_uring_enter": "ENOSYS",
    "io_uring_register": "ENOSYS",
    "memfd_secret": "ENOSYS",
    "move_pages": "EPERM",
    "migrate_pages": "EPERM",
    "fanotify_init": "EPERM",
    "name_to_handle_at": "EPERM",
    "settimeofday": "EPERM",
    "adjtimex": "EPERM",
    "clock_settime": "EPERM",
    "clock_adjtime": "EPERM",
    "modify_ldt": "EPERM",
    "personality": "EPERM",
    "inotify_init": "ENOSYS",
    "inotify_init1": "ENOSYS",
    "io_setup": "ENOSYS",
    **dict.fromkeys(("cachestat", "map_shadow_stack", "futex_wake", "futex_wait", "futex_requeue"), "ENOSYS"),
    **dict.fromkeys(("statmount", "listmount", "file_getattr", "file_setattr"), "ENOSYS"),
    **dict.fromkeys(("lsm_get_self_attr", "lsm_set_self_attr", "lsm_list_modules"), "ENOSYS"),
    **dict.fromkeys(("uretprobe", "uprobe"), "ENOSYS"),
    "sync": "done",
}
"""What a call answers; "done" is an answer, too: of the filter, that has not had it made."""


def number_of(name: str) -> int:
    return int(pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name))


def here(names: list[str]) -> list[str]:
    return [name for name in names if number_of(name) >= 0]


def assert_named_and_killed(outcome, name, arch=None):
    evidence = outcome.evidence
    assert (outcome.verdict, outcome.exit_code, outcome.signal) == (Verdict.SIG, None, 9)
    assert outcome.stdout == b"", "the call was answered"
    assert (evidence.seccomp.syscall, evidence.seccomp.action) == (name, "kill")
    assert evidence.seccomp.arch == (arch or platform.machine())
    assert (evidence.verdict_cause, evidence.verdict_actor) == (
        VerdictCause.RE_FATAL_SIGNAL,
        VerdictActor.JUDGE,
    )
    assert kill_reasons(outcome) == ["seccomp"]


@pytest.mark.parametrize("name", [name for names in KILLED.values() for name in here(names)])
def test_an_exploits_call_ends_the_run_and_is_named(cells, name):
    assert_named_and_killed(cells.run(f"{CALL}\ncall({number_of(name)}, 0, 0, 0, 0, 0, 0)"), name)


def test_every_kill_rule_of_the_policy_is_tried_here():
    in_policy = {
        name
        for rule in load_policy().rule
        if rule.action == "kill" and rule.arg is None
        for name in rule.syscalls
    }
    assert in_policy - BEYOND_LIBSECCOMP == {name for names in KILLED.values() for name in names}


@pytest.mark.parametrize(("name", "error"), [(name, REFUSED[name]) for name in here(list(REFUSED))])
def test_a_probing_call_is_refused_and_the_program_lives_on(cells, name, error):
    outcome = cells.run(f"{CALL}\ncall({number_of(name)}, 0, 0, 0, 0, 0, 0)")
    assert (outcome.verdict, outcome.stdout.decode().strip()) == (Verdict.AC, error)
    assert outcome.evidence.seccomp is None


def test_every_refusal_of_the_policy_is_tried_here():
    in_policy = {
        name
        for rule in load_policy().rule
        if rule.action not in {"kill", "allow"} and rule.arg is None
        for name in rule.syscalls
    }
    on_other_architectures_only = {"stime", "vm86", "vm86old"}
    assert in_policy - on_other_architectures_only == set(REFUSED)


@pytest.mark.parametrize(
    "flag",
    [0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000, 0x7E020000],
    ids=["mnt", "cgroup", "uts", "ipc", "user", "pid", "net", "all"],
)
def test_clone_into_a_new_namespace_ends_the_run(cells, flag):
    assert_named_and_killed(
        cells.run(f"{CALL}\ncall({number_of('clone')}, {flag | 17}, 0, 0, 0, 0)"), "clone"
    )


@pytest.mark.parametrize("above", [1, 17, 10_000, 0x3FFFFFFF - 1000])
def test_a_call_beyond_the_policy_does_not_exist(cells, above):
    outcome = cells.run(f"{CALL}\ncall({newest_known_number() + above})")
    assert (outcome.verdict, outcome.stdout) == (Verdict.AC, b"ENOSYS\n")


def test_a_negative_number_is_no_way_around(cells):
    assert cells.run(f"{CALL}\ncall(-1)").stdout == b"ENOSYS\n"


@pytest.mark.machine("x86_64")
@pytest.mark.parametrize(
    ("number", "name"), [(39, "getpid (x32)"), (272, "unshare (x32)"), (520, "unknown:520 (x32)")]
)
def test_an_x32_call_ends_the_run(cells, number, name):
    assert_named_and_killed(cells.run(f"{CALL}\ncall({0x40000000 | number})"), name)


I386 = """
import ctypes, mmap
code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
code.write(b"\\xb8" + (NUMBER).to_bytes(4, "little") + b"\\xcd\\x80\\xc3")  # mov eax, NUMBER; int 0x80; ret
print(ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))())
"""


@pytest.mark.machine("x86_64")
@pytest.mark.parametrize(("number", "name"), [(20, "getpid"), (310, "unshare"), (11, "execve")])
def test_an_i386_call_ends_the_run(cells, number, name):
    assert_named_and_killed(cells.run(I386.replace("NUMBER", str(number))), name, "i386")


FAMILIES = {
    **dict.fromkeys((1, 2, 10), "done"),
    **dict.fromkeys((0, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16), "EAFNOSUPPORT"),
    **dict.fromkeys((46, 100, 0xFFFF_FFFF, 1 << 32 | 16, 1 << 32 | 2, 1 << 63 | 1), "EAFNOSUPPORT"),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_socket_families_that_are_not_for_programs_are_refused(cells, family):
    outcome = cells.run(f"{CALL}\ncall({number_of('socket')}, {family}, 2, 0)")
    assert (outcome.verdict, outcome.stdout.decode().strip()) == (Verdict.AC, FAMILIES[family])


@pytest.mark.parametrize("family", [17, 29, 31, 38, 40, 43, 44, 45])
def test_a_socket_of_a_family_that_exploits_use_ends_the_run(cells, family):
    assert_named_and_killed(cells.run(f"{CALL}\ncall({number_of('socket')}, {family}, 3, 0)"), "socket")
    assert_named_and_killed(
        cells.run(f"{CALL}\ncall({number_of('socketpair')}, {family}, 3, 0, 0)"), "socketpair"
    )


def test_a_socket_family_hidden_below_a_set_upper_half_is_not_given(cells):
    """The kernel reads 32 bits of it; whichever rule answers, it must not be the kernel."""
    outcome = cells.run(f"{CALL}\ncall({number_of('socket')}, {1 << 32 | 17}, 3, 0)")
    assert outcome.stdout in {b"", b"EAFNOSUPPORT\n"}


@pytest.mark.parametrize("request_code", [0x5412, 0x541C, 1 << 32 | 0x5412])
def test_typing_into_a_terminal_ends_the_run(cells, request_code):
    assert_named_and_killed(cells.run(f"{CALL}\ncall({number_of('ioctl')}, 0, {request_code}, 0)"), "ioctl")


def test_other_terminal_requests_are_the_kernels_business(cells):
    outcome = cells.run("import os; print(os.isatty(0))")
    assert (outcome.verdict, outcome.stdout) == (Verdict.AC, b"False\n")


def test_watching_a_shared_directory_is_refused(cells):
    outcome = cells.run("import fcntl, os; fcntl.fcntl(os.open('/usr/bin', 0), 1026, 1)")
    assert b"PermissionError" in outcome.stderr


def test_a_personality_cannot_even_be_asked_for(cells):
    assert cells.run(f"{CALL}\ncall({number_of('personality')}, 0xffffffff)").stdout == b"EPERM\n"


@pytest.mark.parametrize("where", ["thread", "child", "grandchild of a dead parent"])
def test_a_forbidden_call_is_named_wherever_in_the_cell_it_is_made(cells, where):
    forbidden = f"libc.syscall({number_of('ptrace')}, 0, 0, 0, 0)"
    start = {
        "thread": f"import threading; threading.Thread(target=lambda: {forbidden}).start()",
        "child": f"import os\nif os.fork() == 0: {forbidden}",
        "grandchild of a dead parent": (
            f"import os\nif os.fork() == 0:\n if os.fork() == 0: {forbidden}\n os._exit(0)\nos.wait()"
        ),
    }[where]
    assert_named_and_killed(cells.run(f"{CALL}\n{start}\nimport time; time.sleep(60)"), "ptrace")


def test_a_signal_handler_does_not_get_a_forbidden_call_through(cells):
    """A signal that comes before init has heard of the call ends its wait: unanswered, by EINTR."""
    outcome = cells.run(f"""{CALL}
import signal
signal.signal(signal.SIGALRM, lambda *_: None)
signal.setitimer(signal.ITIMER_REAL, 0.003, 0.0001)
call({number_of("ptrace")}, 0, 0, 0, 0)
signal.setitimer(signal.ITIMER_REAL, 0)
""")
    if outcome.stdout:
        assert (outcome.verdict, outcome.stdout) == (Verdict.AC, b"EINTR\n")
    else:
        assert_named_and_killed(outcome, "ptrace")


def test_a_forbidden_call_of_a_child_decides_the_run_though_the_program_ends_well(cells):
    outcome = cells.run(f"""{CALL}
import os
read, write = os.pipe()
if os.fork() == 0:
    os.write(write, b"x")
    call({number_of("ptrace")}, 0, 0, 0, 0)
os.read(read, 1)
time_to_be_stopped = sum(range(3_000_000))
""")
    assert_named_and_killed(outcome, "ptrace")


def test_what_ordinary_programs_do_still_works(cells):
    outcome = cells.run(
        """
        import ctypes, mmap, os, select, signal, socket, subprocess, tempfile, threading, time
        from concurrent.futures import ProcessPoolExecutor

        def double(n): return 2 * n

        results = []
        worker = threading.Thread(target=results.append, args=(1,))
        worker.start()
        worker.join()
        results.append(subprocess.run(["/bin/echo", "2"], capture_output=True).stdout)
        with ProcessPoolExecutor(2) as pool: results.append(list(pool.map(double, [1, 2])))
        left, right = socket.socketpair()
        left.send(b"3")
        results.append(right.recv(1))
        socket.socket(socket.AF_INET, socket.SOCK_STREAM).close()
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).close()
        with select.epoll() as poll: poll.register(left)
        os.close(os.memfd_create("x"))
        os.close(os.eventfd(0))
        mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC).close()
        with tempfile.NamedTemporaryFile() as file: file.write(b"x")
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        signal.signal(signal.SIGALRM, lambda *_: results.append("alarm"))
        time.sleep(0.05)
        ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 4)()
        os.posix_spawn("/bin/true", ["true"], {})
        os.wait()
        print(results)
        """,
        processes=32,
        open_files=64,
    )
    assert outcome.stderr == b""
    assert outcome.stdout == b"[1, b'2\\n', [2, 4], b'3', 'alarm']\n"
