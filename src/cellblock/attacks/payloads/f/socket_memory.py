import socket, sys, time

print("attempt", flush=True)
WAY, BLOCK, MOST = "@WAY@", bytes(1 << 16), 256 << 20
held, kept = 0, []


def enlarge(each):
    if WAY == "enlarged":
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            each.setsockopt(socket.SOL_SOCKET, option, 1 << 30)


# What was taken from it and nobody has received, the kernel holds.
def fill(each):
    global held
    each.setblocking(False)
    refused = 0
    while refused < 3:
        try:
            held += each.send(BLOCK)
            refused = 0
        except BlockingIOError:
            refused += 1
            time.sleep(0.0002)
        if held > MOST:
            time.sleep(0.2)  # long enough for the host to see it
            sys.exit(42)


try:
    listener = socket.socket()
    enlarge(listener)
    listener.bind(("127.0.0.1", 0))
    listener.listen(4096)
    for _ in range(4000):
        near = socket.socket()
        enlarge(near)
        near.settimeout(1)
        near.connect(listener.getsockname())
        if WAY == "unaccepted":
            fill(near)
            near.close()
            continue
        far = listener.accept()[0]
        enlarge(far)
        kept += [near, far]
        fill(near)
        fill(far)
except OSError as error:
    print(error)
print("held", held)
