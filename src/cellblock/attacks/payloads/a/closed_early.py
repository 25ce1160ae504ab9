import os

os.write(1, b"attempt\n")
os.closerange(0, 64)
os.open("/dev/full", os.O_RDWR)
os.open("/dev/full", os.O_RDWR)
for _ in range(10_000):
    try:
        os.write(1, b"x")
    except OSError:
        pass
