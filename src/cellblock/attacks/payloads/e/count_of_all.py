import os, sys, time

first = sys.stdin.readline() == "first\n"
print("attempt", flush=True)


def of_process(child):
    # Kernels before 6.9 have one inode for all of them.
    pidfd = os.pidfd_open(child)
    number = os.fstat(pidfd).st_ino
    os.close(pidfd)
    return number


def of_session(child):
    # "/autogroup-NUMBER nice 0", where the kernel groups sessions.
    path = f"/proc/{child}/autogroup"
    told = open(path).read() if os.path.exists(path) else ""
    return int(told.split()[0].rpartition("-")[2]) if told else 0


def count():
    """Start a process with a session of its own; returns its number among all, where the kernel tells one."""
    to_us, to_it = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        os.setsid()
        os.write(to_us[1], b"x")
        os.read(to_it[0], 1)
        os._exit(0)
    os.read(to_us[0], 1)
    number = @NUMBER@(child)
    os.write(to_it[1], b"x")
    os.waitpid(child, 0)
    for fd in (*to_us, *to_it):
        os.close(fd)
    return number


if first:
    count()
    print("held", flush=True)
    until_s = time.monotonic() + @HELD_S@
    while time.monotonic() < until_s:
        count()
else:
    before = count()
    time.sleep(@HELD_S@ / 4)
    moved = count() - before - 1
    print("moved by", moved, file=sys.stderr)
    sys.exit(42 if moved > 0 else 0)
