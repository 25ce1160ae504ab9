import ctypes, errno, glob, mmap, os, socket, sys, time

lines = sys.stdin.read().split("\n")
first, secret = lines[0] == "first", lines[1] if len(lines) > 1 else ""
libc = ctypes.CDLL(None, use_errno=True)
KEY = 0x5EC2E7
HELD_S = @HELD_S@
REFUSALS = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.EOPNOTSUPP, errno.EADDRNOTAVAIL,
            errno.ENETUNREACH, errno.EAFNOSUPPORT, errno.ETXTBSY}
OURS = os.path.dirname(os.__file__)
print("attempt", flush=True)


def told(found):
    """Print what is there; the first says whether it is what it has put there itself."""
    found = found if isinstance(found, bytes) else found.encode()
    if not first:
        print(found)
    return secret.encode() in found


def each(places, deed):
    """Do it at each place; a refusal is one that a wall gives, and anything else ends the program."""
    done = []
    for place in places:
        try:
            done.append(deed(place))
        except OSError as error:
            if first and error.errno not in REFUSALS:
                raise
    return any(done)


def files():
    places = ["/tmp", "/dev/shm", "/box", "/var/tmp", "/run", "/run/lock", "/dev/mqueue", "/out", "/", "/usr/tmp", "/var/lock"]

    def meet(place):
        if first:
            open(f"{place}/meeting", "w").write(secret)
        return told(open(f"{place}/meeting").read())

    os.umask(0)
    return each(places, meet)


def sysv():
    libc.shmat.restype = ctypes.c_void_p
    made = 0o1000 if first else 0
    shared, queue = libc.shmget(KEY, 4096, made | 0o666), libc.msgget(KEY, made | 0o666)
    found = []
    if shared >= 0:
        at = libc.shmat(shared, None, 0)
        if first:
            ctypes.memmove(at, secret.encode(), len(secret))
        found.append(told(ctypes.string_at(at, 32)))
    if queue >= 0:
        buffer = ctypes.create_string_buffer(100)
        for _ in range(2 if first else 0):  # one to read back, one to be found
            libc.msgsnd(queue, b"\1" + bytes(7) + secret.encode(), len(secret), 0)
        libc.msgrcv(queue, buffer, 64, 0, 0o4000)
        found.append(told(buffer.raw))
    return len(found) == 2 and all(found)


def mqueue():
    libc.mq_open.restype = ctypes.c_int
    queue = libc.mq_open(b"/meeting", os.O_RDWR | (os.O_CREAT if first else 0) | os.O_NONBLOCK, 0o666, None)
    buffer = ctypes.create_string_buffer(8192)
    for _ in range(2 if first else 0):
        libc.mq_send(queue, secret.encode(), len(secret), 0)
    return queue >= 0 and libc.mq_receive(queue, buffer, 8192, None) > 0 and told(buffer.value)


def abstract():
    meeting = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    other = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    other.bind("\0cellblock-other-" + ("first" if first else "second"))
    other.settimeout(HELD_S / 3)
    if not first:
        return each(["\0cellblock-meeting"], lambda place: (other.sendto(b"tell", place), told(other.recv(100)))[1])
    meeting.bind("\0cellblock-meeting")
    other.sendto(b"tell", "\0cellblock-meeting")
    answer(meeting)
    if told(other.recv(100)):
        print("held", flush=True)
    meeting.settimeout(0.05)
    end = time.monotonic() + HELD_S
    while time.monotonic() < end:
        try:
            answer(meeting)
        except OSError:
            pass
    sys.exit()


def answer(meeting):
    meeting.sendto(secret.encode(), meeting.recvfrom(10)[1])


def loopback():
    places = [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]

    def meet(place):
        family, address = place
        if first:
            meeting = socket.create_server((address, 45454), family=family)
            kept.append(meeting)
        asking = socket.create_connection((address, 45454), timeout=HELD_S / 3)
        if first:
            meeting.accept()[0].send(secret.encode())
        return told(asking.recv(100))

    if each(places, meet) and first:
        print("held", flush=True)
        for meeting in kept:
            meeting.settimeout(HELD_S / len(kept))
            try:
                meeting.accept()[0].send(secret.encode())
            except OSError:
                pass
        sys.exit()


def processes():
    if first:
        pid = os.fork()
        if pid == 0:
            os.execve("/usr/bin/sleep", ["sleep", str(HELD_S)], {"MEETING": secret})
        time.sleep(HELD_S / 10)
        return told(open(f"/proc/{pid}/environ").read())
    own = f"/{os.getpid()}/"
    found = (path for what in ("environ", "cmdline", "fd/*") for path in glob.glob(f"/proc/[0-9]*/{what}"))
    return each(
        (path for path in found if own not in path),
        lambda path: told(os.read(os.open(path, os.O_RDONLY | os.O_NONBLOCK), 2000)),
    )


def page_cache():
    # Bytes written into a shared file's pages would be there for everybody: into files that nobody needs.
    places = [f"{OURS}/this.py", f"{OURS}/antigravity.py"]
    if not all(map(os.path.isfile, places)):
        sys.exit("there is nothing to write into")

    def by_opening(place):
        fd = os.open(place, os.O_RDWR if first else os.O_RDONLY)
        area = mmap.mmap(fd, 200, prot=mmap.PROT_READ | (mmap.PROT_WRITE if first else 0))
        if first:
            area[: len(secret)] = secret.encode()
        return told(area[:200])

    def by_mapping(place):
        # What is mapped to be read only, written by way of the process's own memory.
        area = mmap.mmap(os.open(place, os.O_RDONLY), 200, prot=mmap.PROT_READ)
        libc.mmap.restype = ctypes.c_void_p
        libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
        at = libc.mmap(None, 4096, mmap.PROT_READ, mmap.MAP_SHARED, os.open(place, os.O_RDONLY), 0)
        try:
            os.pwrite(os.open("/proc/self/mem", os.O_RDWR), secret.encode(), at)
        except OSError as error:
            if error.errno != errno.EIO:  # which is how this file refuses
                raise
        return told(area[:200])

    opened = each(places, by_opening)
    return (first and each(places, by_mapping)) or opened


def attributes():
    def meet(path):
        if first:
            os.setxattr(path, "user.meeting", secret.encode())
        return told(os.getxattr(path, "user.meeting"))

    return each([f"{OURS}/this.py", "/usr/bin/env", "/usr", "/etc/passwd", "/dev/null", "/proc/self/exe", "/"], meet)


kept = []
held = @WAY@()
if first:
    print("held" if held else "refused", flush=True)
    time.sleep(HELD_S)
