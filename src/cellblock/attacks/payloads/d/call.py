import ctypes, errno, fcntl, os, sys

NUMBERS = {  # on x86_64, and on aarch64
    "add_key": (248, 217), "adjtimex": (159, 171), "bpf": (321, 280), "clock_settime": (227, 112), "clone": (56, 220),
    "delete_module": (176, 106), "fanotify_init": (300, 262), "finit_module": (313, 273), "init_module": (175, 105),
    "inotify_init1": (294, 26), "io_setup": (206, 0), "ioprio_set": (251, 30), "kcmp": (312, 272), "kexec_load": (246, 104),
    "keyctl": (250, 219), "mknodat": (259, 33), "mlockall": (151, 230), "mount": (165, 40), "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265), "perf_event_open": (298, 241), "personality": (135, 92), "pivot_root": (155, 41),
    "process_mrelease": (448, 448), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "ptrace": (101, 117),
    "quotactl": (179, 60), "reboot": (169, 142), "request_key": (249, 218), "sched_setscheduler": (144, 119),
    "setpriority": (141, 140), "socketpair": (53, 199), "swapon": (167, 224), "syslog": (103, 116), "umount2": (166, 39), "userfaultfd": (323, 282),
    "kexec_file_load": (320, 294), "iopl": (172, None), "modify_ldt": (154, None),
}
libc = ctypes.CDLL(None, use_errno=True)


class Names(dict):
    """What a call in C names: functions, numbers of system calls, constants."""

    def __missing__(self, name):
        if name.startswith("SYS_"):
            return NUMBERS[name[4:]][os.uname().machine == "aarch64"]
        if name.isupper():
            return getattr(errno if name[0] == "E" else fcntl, name)
        return lambda *arguments: getattr(libc, name)(*map(as_in_c, arguments))


def as_in_c(argument):
    if isinstance(argument, int):
        return ctypes.c_long(argument)
    return argument.encode("latin-1") if isinstance(argument, str) else argument


def refused(error, result):
    """The one error that it must be refused with; any other is an answer of the kernel's."""
    return -1 if result == -1 and ctypes.get_errno() == error else 42


print("attempt", flush=True)
buffers = {"zero": ctypes.create_string_buffer(4096), "handle": ctypes.create_string_buffer(b"\x80", 136)}
result = eval(r'''@CALL@''', {}, Names(refused=refused, **buffers))
print(result, ctypes.get_errno())
sys.exit(0 if result == -1 else 42)
