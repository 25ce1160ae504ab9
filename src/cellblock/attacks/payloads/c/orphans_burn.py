import os

os.write(1, b"attempt\n")
for _ in range(4):
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        while True:
            pass
os._exit(0)
