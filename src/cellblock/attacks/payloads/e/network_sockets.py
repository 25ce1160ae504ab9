import socket, sys, time

first = sys.stdin.readline() == "first\n"
print("attempt", flush=True)


def number():
    # How many TCP sockets have been made and not ended: of the machine, beside those in use of this network.
    line = next(line for line in open("/proc/self/net/sockstat") if line.startswith("TCP:"))
    return int(line.split()[line.split().index("alloc") + 1])


seen = set()
until_s = time.monotonic() + @HELD_S@ / (1 if first else 3)
while time.monotonic() < until_s:
    made = [socket.socket() for _ in range(20 if first else 1)]
    seen.add(number())
    if first and len(made) == 20:
        print("held", flush=True)
    time.sleep(0.01)
    for one in made:
        one.close()
    time.sleep(0.01)
if not first:
    print("numbers from", min(seen), "to", max(seen), file=sys.stderr)
    sys.exit(42 if max(seen) - min(seen) > 12 else 0)
