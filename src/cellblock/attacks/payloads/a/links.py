import os, socket

print("attempt", flush=True)
os.umask(0)
NAMES = ["main.py", "stdout", "stderr", "main", "stdin", "result",
         "output", "out", "core", "compile.log", "code", "box"]


def leave(kind, path, before):
    """What somebody reads, writes, walks or waits for who opens this path after the end."""
    if kind == 0:
        os.symlink("@SECRET@", path)
    elif kind == 1:
        try:
            os.link("@SECRET@", path)
        except OSError:  # of what is not its own, or elsewhere; then of the link that it has just left
            os.link(before, path, follow_symlinks=False)
    elif kind == 2:
        os.symlink("@CANARY_DIR@/open", path)
    elif kind == 3:
        os.symlink("@CANARY_DIR@", path)
    elif kind == 4:
        os.mkfifo(path)
    else:
        socket.socket(socket.AF_UNIX).bind(path)


for shift, place in enumerate(["/box", "/tmp", "/dev/shm", "/out"]):
    path = ""
    for number, name in enumerate(NAMES):
        before, path = path, f"{place}/{name}"
        try:
            if os.path.lexists(path):
                os.unlink(path)
            leave((number + 2 * shift) % 6, path, before)
        except OSError:
            if place != "/out":  # a compiler's, which others have not
                raise
os.mkdir("/box/deep")
os.chdir("/box/deep")
for _ in range(2000):
    os.mkdir("d")
    os.chdir("d")
os.symlink("@CANARY_DIR@", "bait")
os.chmod("/box", 0)
