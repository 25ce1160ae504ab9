import ctypes, os, resource, stat, subprocess, sys

print("attempt", flush=True)
libc = ctypes.CDLL(None)


def becomes_another(program):
    """Whether a set-user-id program becomes somebody else: a dead one that nobody has waited for still says who it was."""
    child = subprocess.Popen([program, "-c", "true"], stdin=subprocess.DEVNULL)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    lines = open(f"/proc/{child.pid}/status").read().splitlines()
    who = {int(uid) for line in lines if line.startswith("Uid:") for uid in line.split()[1:]}
    if who == {os.getuid()}:
        raise PermissionError(program)


everything = (resource.RLIM_INFINITY,) * 2
won = []
for name, deed in {
    "setuid": lambda: os.setuid(0),
    "setgid": lambda: os.setgid(0),
    "setresuid": lambda: os.setresuid(0, 0, 0),
    "setgroups": lambda: os.setgroups([0]),
    "files": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, everything),
    "size": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, everything),
    "stack": lambda: resource.setrlimit(resource.RLIMIT_STACK, everything),
    "nice": lambda: os.nice(-5),
    "device": lambda: os.mknod("/box/device", stat.S_IFBLK | 0o666, 0xFE00),
    "owner": lambda: os.chown("/box", 0, 0),
    "su": lambda: becomes_another("/usr/bin/su"),
}.items():
    try:
        deed()
        won.append(name)
    except (OSError, ValueError):
        pass
if libc.prctl(38, 0, 0, 0, 0) == 0 or libc.prctl(47, 2, 21, 0, 0) == 0:
    won.append("privileges")
sys.exit(", ".join(won) or 0)
