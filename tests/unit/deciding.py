"""Filters decided as the kernel does, instruction by instruction, for any call of any architecture."""

from __future__ import annotations

import platform
import struct
from collections.abc import Callable
from functools import cache

import pyseccomp
import pytest

from cellblock.sandbox.seccomp import build_filters

ALLOW, NOTIFY, KILL_PROCESS, ERRNO = 0x7FFF0000, 0x7FC00000, 0x80000000, 0x00050000
ARCHES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
NATIVE = ARCHES[platform.machine()]
I386, ARM = 0x40000003, 0x40000028
on_each = pytest.mark.parametrize("arch", ARCHES.values(), ids=ARCHES)

COMPARE: dict[int, Callable[[int, int], bool]] = {
    0x10: lambda accumulator, k: accumulator == k,
    0x20: lambda accumulator, k: accumulator > k,
    0x30: lambda accumulator, k: accumulator >= k,
    0x40: lambda accumulator, k: bool(accumulator & k),
}


@cache
def unpacked(bpf: bytes) -> list[tuple[int, int, int, int]]:
    """Return code, jumps and constant of each instruction."""
    return list(struct.iter_unpack("=HBBI", bpf))


def decide(bpf: bytes, number: int, *arguments: int, arch: int = NATIVE) -> int:
    """Run a filter on one call as the kernel does, and return its action."""
    words = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("=IIQ6Q", number & 0xFFFFFFFF, arch, 0, *words)
    program = unpacked(bpf)
    at = accumulator = 0
    while True:
        code, if_true, if_false, k = program[at]
        at += 1
        if code == 0x20:  # load a word
            (accumulator,) = struct.unpack_from("=I", data, k)
        elif code == 0x54:  # and
            accumulator &= k
        elif code == 0x05:  # jump
            at += k
        elif code & 0x07 == 0x05:  # compare and jump
            at += if_true if COMPARE[code & 0xF0](accumulator, k) else if_false
        elif code == 0x06:  # return
            return k
        else:
            raise AssertionError(f"instruction {code:#x} that seccomp filters here do not have")


def number_of(name: str, arch: int = NATIVE) -> int:
    return int(pyseccomp.resolve_syscall(arch, name))


def decided(number: int, *arguments: int, arch: int) -> int:
    """Decide a call of a machine's own by the filter for programs on it."""
    return decide(build_filters(notify=True, arch=arch).program, number, *arguments, arch=arch)


def on(arch: int, name: str, *arguments: int) -> int:
    """Decide a call that a machine has, likewise."""
    number = number_of(name, arch)
    assert number >= 0
    return decided(number, *arguments, arch=arch)
