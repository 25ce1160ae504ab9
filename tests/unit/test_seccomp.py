"""The filters as they are handed to the kernel, decided here instruction by instruction for every call."""

from __future__ import annotations

import errno
import platform

import msgspec
import pytest

from cellblock.sandbox import seccomp
from cellblock.sandbox.seccomp import (
    X32_SYSCALL_BIT,
    build_filters,
    load_policy,
    newest_known_number,
    syscall_name,
)
from unit.deciding import (
    ALLOW,
    ARCHES,
    ARM,
    ERRNO,
    I386,
    KILL_PROCESS,
    NATIVE,
    NOTIFY,
    decide,
    decided,
    number_of,
    on,
    on_each,
)


def action_of(rule, kill=NOTIFY) -> int:
    if rule.action in {"kill", "allow"}:
        return kill if rule.action == "kill" else ALLOW
    return ERRNO | (0 if rule.action == "done" else getattr(errno, rule.action))


def test_every_rule_has_a_reason_and_a_known_action():
    policy = load_policy()
    for rule in [*policy.rule, *policy.only, policy.unknown, policy.foreign_abi]:
        assert len(rule.reason) > 20, rule
        assert rule.action in {"kill", "done", "allow"} or hasattr(errno, rule.action), rule
    assert policy.init.reason


def test_a_rule_without_a_reason_does_not_load(monkeypatch, tmp_path):
    (tmp_path / "seccomp_policy.toml").write_text(
        '[unknown]\nnewest=1\naction="ENOSYS"\nreason="x"\n[foreign_abi]\naction="kill"\nreason="x"\n'
        '[[rule]]\nsyscalls=["ptrace"]\naction="kill"\nreason=" "\n'
        '[init]\nreason="x"\nallow=[]\nallow_ioctl=1\n'
    )
    monkeypatch.setattr(seccomp.resources, "files", lambda _: tmp_path)
    with pytest.raises(seccomp.SandboxError, match="rule for ptrace has no reason"):
        load_policy.__wrapped__()


def test_a_list_of_what_alone_is_allowed_needs_values(monkeypatch, tmp_path):
    (tmp_path / "seccomp_policy.toml").write_text(
        'rule=[]\n[unknown]\nnewest=1\naction="ENOSYS"\nreason="x"\n[foreign_abi]\naction="kill"\nreason="x"\n'
        '[[only]]\nsyscalls=["socket"]\nwhen=[{index=0, above=3}]\narg={index=1, int_in=[1]}\n'
        'action="EPERM"\nreason="x"\n[init]\nreason="x"\nallow=[]\nallow_ioctl=1\n'
    )
    monkeypatch.setattr(seccomp.resources, "files", lambda _: tmp_path)
    with pytest.raises(seccomp.SandboxError, match="an arg needs int_in"):
        load_policy.__wrapped__()


def test_a_misspelt_field_does_not_load(monkeypatch, tmp_path):
    (tmp_path / "seccomp_policy.toml").write_text('[unknwon]\naction="ENOSYS"\nreason="x"\n')
    monkeypatch.setattr(seccomp.resources, "files", lambda _: tmp_path)
    with pytest.raises(seccomp.SandboxError, match="seccomp_policy"):
        load_policy.__wrapped__()


def test_no_call_is_named_in_two_unconditional_rules():
    names = [name for rule in load_policy().rule if rule.arg is None for name in rule.syscalls]
    assert sorted(names) == sorted(set(names))


@on_each
def test_every_call_of_the_machines_own_is_decided_as_the_policy_says(arch):
    unconditional = {
        number_of(name, arch): action_of(rule)
        for rule in load_policy().rule
        if rule.arg is None
        for name in rule.syscalls
    }
    on_arguments = {
        number_of(name, arch) for rule in load_policy().rule if rule.arg for name in rule.syscalls
    }
    assert len([number for number in unconditional if number >= 0]) > 50
    for number in range(newest_known_number(arch) + 1):
        if number not in on_arguments:
            name = syscall_name(number, arch)
            otherwise = ERRNO | errno.ENOSYS if name.startswith("unknown:") else ALLOW
            assert decided(number, arch=arch) == unconditional.get(number, otherwise), name


@on_each
def test_calls_newer_than_the_policy_do_not_exist(arch):
    beyond = newest_known_number(arch) + 1
    for number in [*range(beyond, beyond + 600), 1 << 16, X32_SYSCALL_BIT - 1]:
        assert decided(number, arch=arch) == ERRNO | errno.ENOSYS, number


@pytest.mark.parametrize(
    ("arch", "action"),
    [(ARCHES["x86_64"], NOTIFY), (ARCHES["aarch64"], ERRNO | errno.ENOSYS)],
    ids=ARCHES,
)
def test_every_x32_call_is_stopped_and_does_not_exist_where_there_is_no_x32(arch, action):
    for number in [*range(600), 0x3FFFFFFF, 1 << 31, 0xBFFFFFFE]:
        assert decided(X32_SYSCALL_BIT + number, arch=arch) == action, number


@pytest.mark.parametrize("foreign", [I386, ARM, 0, 0xFFFFFFFF, *ARCHES.values()], ids=hex)
@on_each
def test_every_call_of_a_foreign_architecture_is_stopped(arch, foreign):
    program, numbers = (
        build_filters(notify=True, arch=arch).program,
        [*range(600), X32_SYSCALL_BIT, 0xFFFFFFFF],
    )
    stopped = [decide(program, number, arch=foreign) == NOTIFY for number in numbers]
    assert all(stopped) == (foreign != arch)


BPF_MAXINSNS = 4096
PR_SET_NAME, PR_GET_SECCOMP, PR_SET_SECCOMP = 15, 21, 22
REFUSED = ERRNO | errno.EPERM
NAMESPACE_FLAGS = 0x7E020000
THREAD_FLAGS = 0x3D0F00


@on_each
def test_clone_is_stopped_for_any_namespace_flag_and_for_no_other(arch):
    for bit in range(64):
        wanted = NOTIFY if NAMESPACE_FLAGS >> bit & 1 else ALLOW
        assert on(arch, "clone", 1 << bit) == wanted, bit
        assert on(arch, "clone", THREAD_FLAGS | 1 << bit) == wanted, bit
    assert on(arch, "clone", THREAD_FLAGS) == ALLOW
    assert on(arch, "clone", 17) == ALLOW


@on_each
def test_terminal_pasting_is_stopped_whatever_stands_in_the_upper_half(arch):
    for request in (0x5412, 0x541C):
        for upper in (0, 1, 0xFFFFFFFF):
            assert on(arch, "ioctl", 0, upper << 32 | request) == NOTIFY
    assert on(arch, "ioctl", 0, 0x5413) == ALLOW  # window size
    assert on(arch, "ioctl", 0x5412, 0x5401) == ALLOW


@on_each
def test_directory_notification_is_refused_and_other_fcntl_allowed(arch):
    assert on(arch, "fcntl", 3, 1026) == ERRNO | errno.EPERM
    assert on(arch, "fcntl", 3, 1 << 32 | 1026) == ERRNO | errno.EPERM
    assert on(arch, "fcntl", 1026, 1) == ALLOW


OF_PROCESSES = {
    **dict.fromkeys(
        ("prlimit64", "sched_setaffinity", "sched_setattr", "sched_setscheduler", "sched_setparam"), 0
    ),
    **dict.fromkeys(("setpriority", "ioprio_set"), 1),
}
"""Which argument of it is the process."""


@pytest.mark.parametrize("name", OF_PROCESSES)
@on_each
def test_nothing_is_set_for_process_1_whatever_stands_in_the_upper_half(arch, name):
    before = [0] * OF_PROCESSES[name]
    for upper in (0, 1 << 32, 0xFFFFFFFF << 32):
        assert on(arch, name, *before, upper | 1) == ERRNO | errno.EPERM
        for process in (0, 2, 11):
            assert on(arch, name, *before, upper | process) == ALLOW


@pytest.mark.parametrize(("name", "process"), [("setpriority", 0), ("ioprio_set", 1)])
@on_each
def test_priorities_are_set_for_a_process_only(arch, name, process):
    for upper in (0, 1 << 32):
        for which in range(4):
            wanted = ALLOW if which not in {process + 1, process + 2} else REFUSED
            assert on(arch, name, upper | which, 0) == wanted, which


@on_each
def test_a_program_installs_no_filter_and_may_still_ask_and_take_the_strictest(arch):
    for upper in (0, 1 << 32):
        assert on(arch, "seccomp", upper | 1) == ERRNO | errno.EPERM
        assert on(arch, "prctl", upper | PR_SET_SECCOMP, 2) == ERRNO | errno.EPERM
    for operation in (0, 2, 3):
        assert on(arch, "seccomp", operation) == ALLOW
    for option, mode in ((PR_SET_SECCOMP, 1), (PR_GET_SECCOMP, 2), (PR_SET_NAME, 2), (2, PR_SET_SECCOMP)):
        assert on(arch, "prctl", option, mode) == ALLOW


HUGE = {"mmap": (3, 0x40000, "ENOMEM"), "shmget": (2, 0x800, "ENOMEM"), "memfd_create": (1, 4, "EINVAL")}


@pytest.mark.parametrize("name", HUGE)
@on_each
def test_huge_pages_are_refused_whatever_else_is_asked_for_and_nothing_else_is(arch, name):
    index, flag, error = HUGE[name]
    for bit in range(64):
        wanted = ERRNO | getattr(errno, error) if 1 << bit == flag else ALLOW
        assert on(arch, name, *[0] * index, 1 << bit) == wanted, bit
        assert on(arch, name, *[0] * index, 1 << bit | flag) == ERRNO | getattr(errno, error), bit
    everything_else = 0xFFFF_FFFF_FFFF_FFFF & ~flag
    assert on(arch, name, *[0] * index, everything_else) == ALLOW


def test_without_notification_the_kernel_kills_where_init_would_be_asked():
    program = build_filters(notify=False).program
    assert decide(program, number_of("ptrace")) == KILL_PROCESS
    assert decide(program, number_of("clone"), 1 << 28) == KILL_PROCESS
    assert decide(program, 20, arch=I386) == KILL_PROCESS
    assert decide(program, number_of("personality")) == ERRNO | errno.EPERM
    assert decide(program, number_of("read")) == ALLOW


@on_each
def test_init_may_watch_and_nothing_else(arch):
    policy, init = load_policy().init, build_filters(notify=True, arch=arch).init
    allowed = {number for name in policy.allow if (number := number_of(name, arch)) >= 0}
    assert {number_of(name, arch) for name in ("recvfrom", "ppoll", "waitid", "exit_group")} <= allowed
    ioctl = number_of("ioctl", arch)
    for number in [*range(newest_known_number(arch) + 200), X32_SYSCALL_BIT, 0xFFFFFFFF]:
        if number != ioctl:
            wanted = ALLOW if number in allowed else KILL_PROCESS
            assert decide(init, number, arch=arch) == wanted, number
    assert decide(init, ioctl, 5, policy.allow_ioctl, arch=arch) == ALLOW
    assert decide(init, ioctl, 5, policy.allow_ioctl + 1, arch=arch) == KILL_PROCESS
    for foreign in {*ARCHES.values(), I386, ARM} - {arch}:
        assert decide(init, number_of("read", arch), arch=foreign) == KILL_PROCESS
    dangerous = ("execve", "openat", "mount", "ptrace", "kill", "setuid", "clone", "socket", "mmap", "prctl")
    assert {number_of(name, arch) for name in dangerous}.isdisjoint(allowed)


@on_each
def test_filters_fit_the_kernels_bound_and_an_ordinary_call_is_decided_in_few_steps(arch):
    """Every call of every program pays for this."""
    filters = build_filters(notify=True, arch=arch)
    for bpf in (filters.program, filters.init):
        assert len(bpf) % 8 == 0
        assert 0 < len(bpf) // 8 <= BPF_MAXINSNS
    assert len(filters.program) // 8 < 600


@pytest.mark.parametrize(
    ("number", "arch", "name"),
    [
        (number_of("unshare"), NATIVE, "unshare"),
        (20, I386, "getpid"),
        (999, NATIVE, "unknown:999"),
        (5, 0x1234, "unknown:5"),
    ],
)
def test_a_call_is_named_by_its_number_and_architecture(number, arch, name):
    assert syscall_name(number, arch) == name


def test_an_architecture_that_nobody_knows_is_shown_by_its_number():
    assert seccomp.arch_name(0x1234) == "unknown:0x1234"
    assert seccomp.arch_name(NATIVE) == platform.machine()


def test_a_rule_that_libseccomp_refuses_is_named(monkeypatch):
    policy = load_policy()
    broken = msgspec.structs.replace(policy.rule[0], arg=seccomp._Argument(index=0))
    monkeypatch.setattr(seccomp, "load_policy", lambda: msgspec.structs.replace(policy, rule=[broken]))
    build_filters.cache_clear()
    with pytest.raises(seccomp.SandboxError, match="any_bit, int_in or above"):
        build_filters(notify=True)
