import errno, os, sys

print("attempt", flush=True)
# 42: one of them was made.
for path in ("/box/sparse", "/tmp/sparse", "/dev/shm/sparse"):
    with open(path, "wb") as file:
        for deed in (lambda: file.truncate(1 << 40), lambda: os.posix_fallocate(file.fileno(), 0, 1 << 40),
                     lambda: os.pwrite(file.fileno(), b"x", 1 << 40)):
            try:
                deed()
                sys.exit(42)
            except OSError as error:
                print(error)
                if error.errno != errno.EFBIG:
                    raise
