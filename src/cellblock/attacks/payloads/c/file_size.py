import errno, os, sys
print("attempt", flush=True)
# 42: the file is as long as it likes.
fd, size = os.open("/box/file", os.O_CREAT | os.O_WRONLY | os.O_APPEND), 0
try:
    while size < 64 << 20:
        size += os.write(fd, bytes(1 << 16))
except OSError as error:
    print(size, "bytes, then", error)
    sys.exit(0 if error.errno == errno.EFBIG else 42)
sys.exit(42)
