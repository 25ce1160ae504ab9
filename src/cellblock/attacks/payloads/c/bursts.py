import os

os.write(1, b"attempt\n")
# Short-lived children, each gone before anybody looks.
while True:
    child = os.fork()
    if child == 0:
        for _ in range(200_000):
            pass
        os._exit(0)
    os.waitpid(child, 0)
