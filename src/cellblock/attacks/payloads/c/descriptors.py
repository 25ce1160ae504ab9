import array, errno, os, socket, sys, time
print("attempt", flush=True)
# Files in flight are in nobody's table: send fresh ones into a socket, close them, open more. 42: nobody refuses.
kept, sent, refused = [], 0, 0
try:
    while sent < 8_000:
        one, two = socket.socketpair()
        kept.append((one, two))
        one.setblocking(False)
        try:
            while sent < 8_000:
                fresh = array.array("i")
                try:
                    while len(fresh) < 200:
                        fresh.append(os.open("/dev/null", os.O_RDONLY))
                except OSError:
                    if not fresh:
                        raise
                try:
                    one.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fresh)])
                    sent += len(fresh)
                finally:
                    for fd in fresh:
                        os.close(fd)
        except BlockingIOError:
            pass  # this one is full
except OSError as error:
    refused = error.errno
print(f"sent {sent}, then {refused}", flush=True)
time.sleep(0.3)  # the host counts them
sys.exit(0 if sent < 8_000 else 42)
