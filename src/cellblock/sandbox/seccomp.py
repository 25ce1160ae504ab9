"""The seccomp filters, built once with libseccomp from ``seccomp_policy.toml``.

The policy is data with a reason for each rule; this file turns it into finished BPF, which the
cell helper installs as it is. "kill" rules become user notifications: init holds the listener,
so the evidence can name the call that was stopped.
"""

from __future__ import annotations

import errno
import itertools
import os
import tempfile
import tomllib
from functools import cache
from importlib import resources
from typing import Any

import msgspec
import pyseccomp
from msgspec import Struct

from cellblock.errors import SandboxError
from cellblock.sandbox import bpf

X32_SYSCALL_BIT = 0x40000000
_LOW_32_BITS = 0xFFFFFFFF

NATIVE: int = pyseccomp.system_arch()
"""The AUDIT_ARCH of this machine."""

_ARCH_NAMES = {0xC000003E: "x86_64", 0xC00000B7: "aarch64", 0x40000003: "i386", 0x40000028: "arm"}


class _Argument(Struct, frozen=True, forbid_unknown_fields=True):
    index: int
    any_bit: int | None = None
    int_in: list[int] | None = None
    mask: int = _LOW_32_BITS
    """Of ``int_in``: the bits that are compared."""
    above: int | None = None


class Rule(Struct, frozen=True, forbid_unknown_fields=True):
    """One rule of the policy: which calls, what follows, why."""

    syscalls: list[str]
    action: str
    reason: str
    arg: _Argument | None = None
    also: _Argument | None = None
    """A second argument, which must be as said too."""


class Only(Struct, frozen=True, forbid_unknown_fields=True):
    """A list of what alone is allowed in one argument, where others are as said."""

    syscalls: list[str]
    when: list[_Argument]
    arg: _Argument
    action: str
    reason: str


class _Default(Struct, frozen=True, forbid_unknown_fields=True):
    action: str
    reason: str


class _Unknown(_Default, frozen=True):
    newest: int
    """The highest number that was judged."""


class _InitPolicy(Struct, frozen=True, forbid_unknown_fields=True):
    reason: str
    allow: list[str]
    allow_ioctl: int


class Policy(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole of ``seccomp_policy.toml``."""

    unknown: _Unknown
    foreign_abi: _Default
    rule: list[Rule]
    init: _InitPolicy
    only: list[Only] = []


class Filters(Struct, frozen=True):
    """BPF programs, as arrays of ``struct sock_filter``."""

    program: bytes
    init: bytes


@cache
def load_policy() -> Policy:
    """Read the policy that ships with the package; raises ``SandboxError`` where it is malformed."""
    text = resources.files(__package__).joinpath("seccomp_policy.toml").read_text(encoding="utf-8")
    try:
        policy = msgspec.convert(tomllib.loads(text), Policy)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise SandboxError("seccomp_policy", detail=str(error)) from error
    rules: list[Rule | Only] = [*policy.rule, *policy.only]
    for rule in rules:
        if not rule.reason.strip():
            raise SandboxError("seccomp_policy", detail=f"rule for {', '.join(rule.syscalls)} has no reason")
    if any(each.int_in is None for only in policy.only for each in [*only.when, only.arg]):
        raise SandboxError("seccomp_policy", detail="of what is allowed only, an arg needs int_in")
    return policy


@cache
def build_filters(*, notify: bool, arch: int = NATIVE) -> Filters:
    """Return both filters; with ``notify`` a kill is reported by name, without it is the kernel's.

    ``arch`` is the AUDIT_ARCH of the machine that installs them.

    Raises ``SandboxError`` where libseccomp refuses a rule.
    """
    policy = load_policy()
    kill = pyseccomp.NOTIFY if notify else pyseccomp.KILL_PROCESS
    try:
        return Filters(program=_program_filter(policy, kill, arch), init=_init_filter(policy.init, arch))
    except OSError as error:
        raise SandboxError("seccomp_build", error.errno or 0, str(error)) from error


def syscall_name(number: int, arch: int) -> str:
    """Name the call of ``number`` under the AUDIT_ARCH ``arch``, ``unknown:<number>`` where unnamed."""
    if arch_name(arch) == "x86_64" and number & X32_SYSCALL_BIT:
        return f"{syscall_name(number & ~X32_SYSCALL_BIT, arch)} (x32)"
    return _lookup(arch, number) or f"unknown:{number}"


def _lookup(arch: int, number: int) -> str | None:
    try:
        name: bytes = pyseccomp.resolve_syscall(arch, number)
    except ValueError:
        return None
    return name.decode()


def arch_name(arch: int) -> str:
    """Name an AUDIT_ARCH value."""
    return _ARCH_NAMES.get(arch, f"unknown:{arch:#x}")


def unresolved_syscalls() -> list[str]:
    """Names of the policy that this libseccomp has no number for on any architecture of ours."""
    names = {name for rule in load_policy().rule for name in rule.syscalls}
    return sorted(name for name in names if pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name) == -1)


def _program_filter(policy: Policy, kill: int, arch: int) -> bytes:
    built = _filter_for(arch, pyseccomp.ALLOW)
    built.set_attr(pyseccomp.Attr.ACT_BADARCH, _action(policy.foreign_abi.action, kill))
    built.set_attr(
        pyseccomp.Attr.CTL_OPTIMIZE, 2
    )  # a binary tree: about seven comparisons a call, not a hundred
    for rule in policy.rule:
        if rule.action == "allow":
            continue
        action = _action(rule.action, kill)
        for name in rule.syscalls:
            # Negative: not on this architecture, or without a name in this libseccomp (then ENOSYS, below).
            if pyseccomp.resolve_syscall(arch, name) < 0:
                continue
            for first, second in itertools.product(_comparisons(rule.arg), _comparisons(rule.also)):
                built.add_rule_exactly(action, name, *first, *second)
    # libseccomp compares numbers only for equality. Foreign ABIs (x32 by its bit) go on to its own refusal.
    front = [
        *bpf.load_number(),
        *bpf.refuse_numbers(unknown_ranges(arch), _action(policy.unknown.action, kill)),
        *bpf.allow_only(_only_by_number(policy, kill, arch)),
    ]
    return bpf.in_front_of(_export(built), front, arch)


def _only_by_number(policy: Policy, kill: int, arch: int) -> dict[int, list[bpf.Only]]:
    by_number: dict[int, list[bpf.Only]] = {}
    for rule in policy.only:
        when, allowed = [_one_of(each) for each in rule.when], _one_of(rule.arg)
        for name in rule.syscalls:
            judged = by_number.setdefault(pyseccomp.resolve_syscall(arch, name), [])
            judged.append(bpf.Only(when, allowed, _action(rule.action, kill)))
    return by_number


def _one_of(argument: _Argument) -> bpf.OneOf:
    return bpf.OneOf(argument.index, argument.int_in or [], argument.mask)


def _filter_for(arch: int, default: int) -> pyseccomp.SyscallFilter:
    """Return an empty filter for this architecture alone."""
    built = pyseccomp.SyscallFilter(default)
    if arch != NATIVE:
        built.add_arch(arch)
        built.remove_arch(NATIVE)
    return built


def _init_filter(policy: _InitPolicy, arch: int) -> bytes:
    built = _filter_for(arch, pyseccomp.KILL_PROCESS)
    built.set_attr(pyseccomp.Attr.ACT_BADARCH, pyseccomp.KILL_PROCESS)  # its own default is the thread alone
    for name in policy.allow:
        if pyseccomp.resolve_syscall(arch, name) >= 0:  # aarch64 has ppoll but no poll
            built.add_rule_exactly(pyseccomp.ALLOW, name)
    request = pyseccomp.Arg(1, pyseccomp.MASKED_EQ, _LOW_32_BITS, policy.allow_ioctl)
    built.add_rule_exactly(pyseccomp.ALLOW, "ioctl", request)
    return _export(built)


def _action(name: str, kill: int) -> int:
    if name == "kill":
        return kill
    action: int = pyseccomp.ERRNO(0 if name == "done" else getattr(errno, name))
    return action


def _comparisons(argument: _Argument | None) -> list[tuple[Any, ...]]:
    """Return one tuple a rule: libseccomp takes one comparison an argument, so sets become several rules."""
    if argument is None:
        return [()]
    index = argument.index
    if argument.any_bit is not None:
        bits = (1 << n for n in range(64) if argument.any_bit >> n & 1)
        return [(pyseccomp.Arg(index, pyseccomp.MASKED_EQ, bit, bit),) for bit in bits]
    if argument.int_in is not None:
        return [
            (pyseccomp.Arg(index, pyseccomp.MASKED_EQ, argument.mask, value),) for value in argument.int_in
        ]
    if argument.above is not None:
        return [(pyseccomp.Arg(index, pyseccomp.GT, argument.above),)]
    raise SandboxError("seccomp_policy", detail="an arg needs any_bit, int_in or above")


def _export(built: pyseccomp.SyscallFilter) -> bytes:
    with tempfile.TemporaryFile() as file:
        built.export_bpf(file)
        os.lseek(file.fileno(), 0, os.SEEK_SET)
        return file.read()


def newest_known_number(arch: int = NATIVE) -> int:
    """Return the highest system call number that was judged and that the installed libseccomp can name."""
    return unknown_ranges(arch)[-1][0] - 1


def unknown_ranges(arch: int = NATIVE) -> list[tuple[int, int]]:
    """Return the numbers without a name, or never judged, as ranges (first, last).

    A newer libseccomp names more calls, of which the policy says nothing: they are refused with the rest. The
    last range ends where x32 begins, else before -1, which a tracer writes to have no call made.
    """
    judged = range(load_policy().unknown.newest + 1)
    known = [number for number in judged if _lookup(arch, number) is not None]
    gaps = [(a + 1, b - 1) for a, b in itertools.pairwise(known) if b - a > 1]
    last = X32_SYSCALL_BIT - 1 if arch_name(arch) == "x86_64" else _LOW_32_BITS - 1
    return [*gaps, (known[-1] + 1, last)]
