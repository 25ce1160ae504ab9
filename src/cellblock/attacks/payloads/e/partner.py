import ctypes, fcntl, glob, mmap, os, socket, sys, time

lines = sys.stdin.read().split("\n")
first, secret = lines[0] == "first", lines[1] if len(lines) > 1 else ""
libc = ctypes.CDLL(None, use_errno=True)
KEY = 0x5EC2E7
HELD_S = @HELD_S@
print("attempt", flush=True)


def files():
    places = ["/tmp", "/dev/shm", "/box", "/var/tmp", "/run", "/run/lock", "/dev/mqueue", "/out", "/", "/usr/tmp", "/var/lock"]
    if first:
        os.umask(0)
        for place in places:
            try:
                open(f"{place}/meeting", "w").write(secret)
            except OSError:
                pass
    else:
        for place in places:
            for path in glob.glob(f"{place}/meeting"):
                print(open(path).read())


def sysv():
    libc.shmat.restype = ctypes.c_void_p
    shared = libc.shmget(KEY, 4096, (0o1000 if first else 0) | 0o666)
    if shared >= 0:
        at = libc.shmat(shared, None, 0)
        if first:
            ctypes.memmove(at, secret.encode(), len(secret))
        else:
            print(ctypes.string_at(at, 32))
    queue = libc.msgget(KEY, (0o1000 if first else 0) | 0o666)
    if queue >= 0 and first:
        libc.msgsnd(queue, b"\1" + bytes(7) + secret.encode(), len(secret), 0)
    elif queue >= 0:
        buffer = ctypes.create_string_buffer(100)
        libc.msgrcv(queue, buffer, 64, 0, 0o4000)
        print(buffer.raw)


def mqueue():
    libc.mq_open.restype = ctypes.c_int
    queue = libc.mq_open(b"/meeting", os.O_RDWR | (os.O_CREAT if first else 0) | os.O_NONBLOCK, 0o666, None)
    buffer = ctypes.create_string_buffer(8192)
    if queue >= 0 and first:
        libc.mq_send(queue, secret.encode(), len(secret), 0)
    elif queue >= 0 and libc.mq_receive(queue, buffer, 8192, None) > 0:
        print(buffer.value)


def abstract():
    meeting = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    if first:
        meeting.bind("\0cellblock-meeting")
    else:
        meeting.settimeout(HELD_S / 3)
        meeting.bind("\0cellblock-other")
        meeting.sendto(b"tell", "\0cellblock-meeting")
        print(meeting.recv(100))
        return
    meeting.settimeout(0.05)
    end = time.monotonic() + HELD_S
    while time.monotonic() < end:
        try:
            meeting.sendto(secret.encode(), meeting.recvfrom(10)[1])
        except OSError:
            pass


def loopback():
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        meeting = socket.socket(family, socket.SOCK_STREAM)
        meeting.settimeout(HELD_S / 3)
        try:
            if first:
                meeting.bind((address, 45454))
                meeting.listen()
                meeting.accept()[0].send(secret.encode())
            else:
                meeting.connect((address, 45454))
                print(meeting.recv(100))
        except OSError:
            pass


def processes():
    for path in glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline") + glob.glob("/proc/[0-9]*/fd/*"):
        try:
            if not first and f"/{os.getpid()}/" not in path:
                print(os.read(os.open(path, os.O_RDONLY | os.O_NONBLOCK), 2000))
        except OSError:
            pass
    if first:
        pid = os.fork()
        if pid == 0:
            os.execve("/usr/bin/sleep", ["sleep", "1", ], {"MEETING": secret})


def page_cache():
    # Bytes written into a shared file's pages would be there for everybody.
    for path in ("/usr/bin/env", "/etc/passwd", "/usr/lib/os-release", sys.executable):
        try:
            fd = os.open(path, os.O_RDONLY)
            area = mmap.mmap(fd, 4096, prot=mmap.PROT_READ | (mmap.PROT_WRITE if first else 0))
            if first:
                area[: len(secret)] = secret.encode()
            else:
                print(area[:4096])
        except (OSError, ValueError):
            pass


def attributes():
    for path in ("/usr/bin/env", "/usr", "/etc/passwd", "/dev/null", "/proc/self/exe", "/"):
        try:
            if first:
                os.setxattr(path, "user.meeting", secret.encode())
            else:
                print(os.getxattr(path, "user.meeting"))
        except OSError:
            pass


@WAY@()
if first:
    time.sleep(HELD_S)
