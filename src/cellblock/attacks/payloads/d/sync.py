import ctypes, os, sys, time

libc = ctypes.CDLL(None)
GETPPID, SYNC = (173, 81) if os.uname().machine == "aarch64" else (110, 162)


def fastest_ns(number):
    taken = []
    for _ in range(10):
        before = time.monotonic_ns()
        libc.syscall(number)
        taken.append(time.monotonic_ns() - before)
    return min(taken)


print("attempt", flush=True)
# It never fails: that it was made is told by the time that it takes to visit every file system.
nothing, sync = fastest_ns(GETPPID), fastest_ns(SYNC)
print(nothing, sync)
sys.exit(42 if sync > 8 * nothing else 0)
