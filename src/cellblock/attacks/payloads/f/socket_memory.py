import fcntl, select, socket, struct, sys, termios, time

print("attempt", flush=True)
WAY, BLOCK = "@WAY@", bytes(1 << 16)
PROMISED, MOST = 192 << 20, 512 << 20  # 32 MiB, 1024 sockets' 128, others and a moment; what is tried
held, kept = 0, []


def enlarge(each):
    if WAY in ("enlarged", "acknowledged"):
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            for bits in range(30, 12, -1):  # as much as is not refused
                try:
                    each.setsockopt(socket.SOL_SOCKET, option, 1 << bits)
                    break
                except OSError:
                    pass


def listening():
    listener = socket.socket()
    enlarge(listener)
    listener.bind(("127.0.0.1", 0))
    listener.listen(4096)
    kept.append(listener)
    return listener


# What was taken from it and nobody has received, the kernel holds.
def fill(each):
    global held
    each.setblocking(False)
    refused = 0
    while refused < 3 and held <= MOST:
        try:
            held += each.send(BLOCK)
            refused = 0
        except BlockingIOError:
            refused += 1
            time.sleep(0.0002)


def in_pairs():
    listener = listening()
    for _ in range(4000):
        near = socket.socket()
        enlarge(near)
        near.settimeout(1)
        near.connect(listener.getsockname())
        fill(near)
        if WAY == "unaccepted":
            near.close()
        else:
            far = listener.accept()[0]
            enlarge(far)
            kept.extend([near, far])
            fill(far)
        if held > MOST:
            break


def connections(listener):
    for _ in range(64):
        near = socket.socket()
        near.setblocking(False)
        near.connect_ex(listener.getsockname())
        if not select.select([], [near], [], 0.005)[1]:
            break  # more than may wait there
        yield near


def unacknowledged(each):
    return struct.unpack("i", fcntl.ioctl(each, termios.TIOCOUTQ, bytes(4)))[0]


# What waits with connections that nobody accepts is in no group's account; so nothing may wait at the near end.
def acknowledged():
    global held
    listener = listening()
    while held <= MOST:
        some, sent = list(connections(listener)), 0
        for near in some * (2 if len(some) == 64 else 32):  # the more of it where there may be few
            try:
                sent += near.send(BLOCK)
            except BlockingIOError:
                pass
        until = time.monotonic() + 0.1
        while any(map(unacknowledged, some)) and time.monotonic() < until:
            time.sleep(0.002)
        taken = sent - sum(map(unacknowledged, some))
        held += taken
        for near in some:
            near.close()
        if taken < len(BLOCK):
            break  # the machine has no more
        if len(some) < 64:
            listener = listening()


try:
    acknowledged() if WAY == "acknowledged" else in_pairs()
except OSError as error:
    print(error)
print("held", held)
if held > PROMISED:
    time.sleep(0.2)  # long enough for the host to see it
sys.exit(42 if held > PROMISED else 0)
