import os, time
print("attempt", flush=True)
# Files of its root are read from disk again, as far as nobody else has them in use: at least a quarter.
total, end = 0, time.monotonic() + 2
for place in ("/opt", "/usr"):
    for directory, _, names in os.walk(place):
        for name in names:
            if total > 600 << 20 or time.monotonic() > end:
                break
            try:
                fd = os.open(f"{directory}/{name}", os.O_RDONLY | os.O_NOFOLLOW)
                os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
                while size := len(os.read(fd, 1 << 16)):
                    total += size
                os.close(fd)
            except OSError:
                pass
print("held", total // 4)
