import array, os, socket
print("attempt", flush=True)
# Descriptors in flight count for nobody's table: send each into a socket and close it.
held = []
try:
    while True:
        one, two = socket.socketpair()
        held.append((one, two))
        while True:
            rights = array.array("i", [1, 2] * 100)
            one.setblocking(False)
            one.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
except OSError as error:
    print(len(held), error)
