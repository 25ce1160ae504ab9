import os, sys, time

first = sys.stdin.readline() == "first\n"
print("attempt", flush=True)


def number(fd):
    # The kernel gives each event descriptor of all processes the smallest number that is free.
    lines = open(f"/proc/self/fdinfo/{fd}").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("eventfd-id"))


seen = set()
until_s = time.monotonic() + @HELD_S@ / (1 if first else 3)
while time.monotonic() < until_s:
    made = [os.eventfd(0) for _ in range(20 if first else 1)]
    seen.add(number(made[-1]))
    if first and max(map(number, made)) - min(map(number, made)) >= 19:
        print("held", flush=True)
    time.sleep(0.01)
    for fd in made:
        os.close(fd)
    time.sleep(0.01)
if not first:
    print("numbers from", min(seen), "to", max(seen), file=sys.stderr)
    sys.exit(42 if max(seen) - min(seen) > 12 else 0)
