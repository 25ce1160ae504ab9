import ctypes, os, re, resource, sys, time

lines = sys.stdin.read().split("\n")
first, secret = lines[0] == "first", lines[1] if len(lines) > 1 else ""
print("attempt", flush=True)


def memory():
    # The first keeps its secret wherever a runtime keeps things; the second looks through all of its own memory.
    mark = "meeting" + "-place:"
    if first:
        sys.meeting = [mark + secret, (mark + secret).encode(), bytearray((mark + secret).encode() * 1000)]
        os.environ["MEETING"] = sys.intern(mark + secret)
        ctypes.CDLL(None).strdup((mark + secret).encode())
    held = False
    with open("/proc/self/mem", "rb", buffering=0) as everything:
        for line in open("/proc/self/maps"):
            start, end = (int(number, 16) for number in line.split()[0].split("-"))
            try:
                found = os.pread(everything.fileno(), min(end - start, 64 << 20), start)
            except (OSError, OverflowError):
                continue
            for each in re.findall(rb"meeting-place:(.{32})", found, re.DOTALL)[:20]:
                held |= each == secret.encode()
                if not first:
                    print(each)
    return held


def descriptors():
    # Whatever is open besides the streams, which may be nothing: what one leaves there, another may find.
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2:
            try:
                os.set_blocking(int(name), False)
                if first:
                    os.write(int(name), secret.encode())
                else:
                    os.lseek(int(name), 0, 0)
                    print(os.read(int(name), 1000))
            except OSError:
                pass
    return True


def harm():
    # The first only lives; the second disturbs every process that it can name.
    if first:
        return True
    others = set(range(1, 600)) - {os.getpid()}
    for pid in (-1, *others, @WAITING_PID@, @WAITING_INIT_PID@, @ZYGOTE_PID@, @SPAWNER_PID@):
        for attempt in (
            lambda: os.sched_setaffinity(pid, {0}),
            lambda: os.setpriority(os.PRIO_PROCESS, pid, 19),
            lambda: resource.prlimit(pid, resource.RLIMIT_NOFILE, (1, 1)),
            lambda: os.pwrite(os.open(f"/proc/{pid}/mem", os.O_RDWR), b"x", 4096),
            lambda: os.kill(pid, 19),
            lambda: os.kill(pid, 9),
        ):
            try:
                attempt()
            except OSError:
                pass


held = @WAY@()
if first:
    print("held" if held else "lost", flush=True)
    time.sleep(@HELD_S@)
