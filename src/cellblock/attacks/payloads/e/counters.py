import os, socket, sys, time

first = sys.stdin.readline() == "first\n"
print("attempt", flush=True)


def count():
    @COUNT@
    return number


def now():
    # The kernel deals most of these numbers to each processor 1024 at a time.
    for _ in range(@STEP@):
        number = count()
    return number


if first:
    if count() != count():
        print("held", flush=True)
    until_s = time.monotonic() + @HELD_S@
    while time.monotonic() < until_s:
        count()
else:
    before = now()
    time.sleep(@HELD_S@ / 4)
    moved = now() - before - @STEP@
    print("moved by", moved, file=sys.stderr)
    sys.exit(42 if moved > @NOISE@ else 0)
