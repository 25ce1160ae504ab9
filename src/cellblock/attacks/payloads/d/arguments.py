import ctypes, errno, os, socket, struct, sys

libc = ctypes.CDLL(None, use_errno=True)


class Names(dict):
    """What a call in C names: functions."""

    def __missing__(self, name):
        function = getattr(libc, name)
        function.restype = ctypes.c_long if name == "mmap" else ctypes.c_int
        return lambda *arguments: function(*map(as_in_c, arguments))


def as_in_c(argument):
    if isinstance(argument, int):
        return ctypes.c_long(argument)
    return argument.encode() if isinstance(argument, str) else argument


def seccomp(*arguments):
    number = 277 if os.uname().machine == "aarch64" else 317
    return libc.syscall(*map(as_in_c, (number, *arguments)))


every = ctypes.create_string_buffer(struct.pack("=HBBI", 0x06, 0, 0, 0x7FFF0000))
given = {
    "filter": ctypes.create_string_buffer(struct.pack("@HxxxxxxQ", 1, ctypes.addressof(every))),
    "number": ctypes.create_string_buffer(256),
    "length": ctypes.create_string_buffer(struct.pack("=I", 8)),
    "seccomp": seccomp,
}
local = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
inet = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
inet.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)

print("attempt", flush=True)
result = eval(r'''@ASKS@''', {}, Names(local=local.fileno(), inet=inet.fileno(), **given))
print(result, ctypes.get_errno())
sys.exit(0 if result == -1 and ctypes.get_errno() == errno.@ERROR@ else 42)
