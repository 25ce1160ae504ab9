"""`behind_a_filter.py COMMAND…`: run it behind a filter that refuses keyctl, as engines' filters do."""

import ctypes
import errno
import os
import platform
import struct
import sys

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _MODE_FILTER = 38, 22, 2
_LOAD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_REFUSE, _ALLOW = 0x00050000 | errno.EPERM, 0x7FFF0000
_KEYCTL = {"x86_64": 250, "aarch64": 219}[platform.machine()]

instructions = b"".join(
    struct.pack("HBBI", *each)
    for each in (
        (_LOAD, 0, 0, 0),  # the call's number; nobody here uses another ABI
        (_JUMP_IF_EQUAL, 0, 1, _KEYCTL),
        (_RETURN, 0, 0, _REFUSE),
        (_RETURN, 0, 0, _ALLOW),
    )
)
array = ctypes.create_string_buffer(instructions)
program = ctypes.create_string_buffer(struct.pack("H6xP", len(instructions) // 8, ctypes.addressof(array)))
libc = ctypes.CDLL(None, use_errno=True)
for arguments in ((_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (_PR_SET_SECCOMP, _MODE_FILTER, program, 0, 0)):
    if libc.prctl(*arguments) != 0:
        sys.exit(os.strerror(ctypes.get_errno()))
os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606  # a command, no shell
