import ctypes, fcntl, mmap, os, socket, time

os.write(1, b"attempt\n")
kept = []
libc = ctypes.CDLL(None)


def shared():
    area = mmap.mmap(-1, 1 << 30)
    for at in range(0, 1 << 30, 4096):
        area[at] = 1


def memfd():
    fd = os.memfd_create("x")
    while True:
        try:
            os.write(fd, b"x" * 65536)
        except OSError:
            fd = os.memfd_create("x")


def tmpfs(place):
    number = 0
    while True:
        number += 1
        try:
            with open(f"{place}/{number}", "wb") as file:
                file.write(b"x" * 1_000_000)
        except OSError:
            time.sleep(0.1)


def sysv():
    at = libc.shmat
    at.restype = ctypes.c_void_p
    while True:
        area = at(libc.shmget(0, 1 << 24, 0o1777), None, 0)
        if area in (None, 2**64 - 1):
            time.sleep(0.1)
            continue
        ctypes.memset(area, 1, 1 << 24)


def pipes():
    while True:
        try:
            _, writer = os.pipe2(os.O_NONBLOCK)
            kept.append((_, writer))
            fcntl.fcntl(writer, 1031, 1 << 20)
            while True:
                os.write(writer, b"x" * 65536)
        except OSError:
            time.sleep(0.001)


def sockets():
    while True:
        try:
            pair = socket.socketpair()
            kept.append(pair)
            pair[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 30)
            pair[0].setblocking(False)
            while True:
                pair[0].send(b"x" * 65536)
        except OSError:
            time.sleep(0.001)


def messages():
    number = 0
    while True:
        queue = libc.msgget(0, 0o1777)
        while queue >= 0 and libc.msgsnd(queue, b"\1" * 8200, 8000, 0o4000) == 0:
            number += 1
        if queue < 0:
            time.sleep(0.1)


def queues():
    number = 0
    while True:
        number += 1
        queue = libc.mq_open(f"/{number}".encode(), os.O_CREAT | os.O_RDWR | os.O_NONBLOCK, 0o666, None)
        while queue >= 0 and libc.mq_send(queue, b"x" * 8000, 8000, 0) == 0:
            pass
        if queue < 0:
            time.sleep(0.1)


@WAY@
