import os, socket, sys

print("attempt", flush=True)
won = []


def attempt(what, deed):
    try:
        if deed():
            won.append(what)
    except OSError:
        pass


def write(path, text):
    return os.write(os.open(path, os.O_WRONLY), text.encode())


def create(path):
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
    os.unlink(path)
    return True


# Nothing is written to what may be opened for writing: that it may is enough.
for path in "@WRITES@".split():
    attempt(path, lambda: os.close(os.open(path, os.O_WRONLY)) is None)
for path in "@CREATES@".split():
    attempt(path, lambda: create(path))
for own in "@OWN@".split(";"):
    attempt(own, lambda: write(*own.split("=")))
for path in "@READS@".split():
    attempt(path, lambda: open(path, "rb").read(1))
for path in "@LISTS@".split():
    attempt(path, lambda: os.listdir(path))
attempt("group", lambda: [line for line in open("/proc/self/cgroup") if not line.endswith(":/\n")])
attempt("name", lambda: open("/etc/hostname").read().strip() != socket.gethostname())
print(won)
sys.exit(len(won))
