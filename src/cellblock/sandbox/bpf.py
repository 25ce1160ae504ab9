"""The BPF that libseccomp cannot express, put in front of its own: ranges, and lists of what alone may be."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

Instruction = tuple[int, int, int, int]
"""Code, how far to jump if so, how far if not, constant; jumps count from the next instruction."""

_LOW_HALF = 0xFFFFFFFF
_PACKED = struct.Struct("=HBBI")
_LOAD_WORD, _AND, _JUMP, _RETURN = 0x20, 0x54, 0x05, 0x06
_JUMP_EQUAL, _JUMP_GREATER, _JUMP_GREATER_EQUAL = 0x15, 0x25, 0x35
_OFFSET_NUMBER, _OFFSET_ARCH, _OFFSET_ARGUMENTS, _ARGUMENT_BYTES = 0, 4, 16, 8


class OneOf(Struct, frozen=True):
    """That the low half of an argument, all that the kernel reads of an ``int``, is one of some values."""

    index: int
    values: Sequence[int]
    mask: int = _LOW_HALF
    """The bits that are compared."""


class Only(Struct, frozen=True):
    """What alone may stand in one argument where others are as said; else ``action`` is returned."""

    when: Sequence[OneOf]
    allowed: OneOf
    action: int


def load_number() -> list[Instruction]:
    """Have the call's number for what follows."""
    return [(_LOAD_WORD, 0, 0, _OFFSET_NUMBER)]


def refuse_numbers(ranges: Sequence[tuple[int, int]], action: int) -> list[Instruction]:
    """Return ``action`` for the numbers of ascending ranges (first, last)."""
    made: list[Instruction] = []
    for left, (first, last) in zip(range(len(ranges) - 1, -1, -1), ranges, strict=True):
        # Below this range: none of them, for they ascend. Above it: on to the next one.
        to_end = 3 * left + 2
        made += [
            (_JUMP_GREATER_EQUAL, 0, to_end, first),
            (_JUMP_GREATER, 1, 0, last),
            (_RETURN, 0, 0, action),
        ]
    return made


def allow_only(rules: Mapping[int, Iterable[Only]]) -> list[Instruction]:
    """Judge calls of these numbers by their arguments; what passes goes on to what follows."""
    made: list[Instruction] = []
    for number, of_it in reversed(list(rules.items())):
        body = [instruction for rule in of_it for instruction in _judge(rule)]
        # The number is lost by then, so a call that passes goes to the end of all this.
        body.append((_JUMP, 0, 0, len(made)))
        made = [(_JUMP_EQUAL, 0, len(body), number), *body, *made]
    return made


def in_front_of(bpf: bytes, instructions: Sequence[Instruction], arch: int) -> bytes:
    """Put instructions for calls of this AUDIT_ARCH in front; jumps are relative, so nothing else changes."""
    whole = [
        (_LOAD_WORD, 0, 0, _OFFSET_ARCH),
        (_JUMP_EQUAL, 0, len(instructions), arch),
        *instructions,
    ]
    return b"".join(_PACKED.pack(*instruction) for instruction in whole) + bpf


def _judge(rule: Only) -> list[Instruction]:
    made = [*_compare(rule.allowed, if_so=1, if_not=0), (_RETURN, 0, 0, rule.action)]
    for condition in reversed(rule.when):
        made = [*_compare(condition, if_so=0, if_not=len(made)), *made]
    return made


def _compare(one_of: OneOf, *, if_so: int, if_not: int) -> list[Instruction]:
    made: list[Instruction] = [(_LOAD_WORD, 0, 0, _OFFSET_ARGUMENTS + _ARGUMENT_BYTES * one_of.index)]
    if one_of.mask != _LOW_HALF:
        made.append((_AND, 0, 0, one_of.mask))
    last = len(one_of.values) - 1
    for at, value in enumerate(one_of.values):
        made.append((_JUMP_EQUAL, last - at + if_so, if_not if at == last else 0, value))
    return made
