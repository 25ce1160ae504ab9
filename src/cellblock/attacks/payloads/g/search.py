import hashlib, os, socket, stat

print("attempt", flush=True)
# Read all that can be read, and say what of it looks like the host's.
for name in sorted(os.environ):
    print(name, os.environ[name])
for fd in range(3, 256):
    try:
        print(fd, os.readlink(f"/proc/self/fd/{fd}"), os.read(fd, 1000))
    except OSError:
        pass
found = []
for pid in ["self", "1", "2", str(os.getppid()), "@SERVICE_PID@", "@SUPERVISOR_PID@", "@PARENT_PID@"]:
    for what in ("environ", "cmdline", "maps", "auxv", "status", "root/@SECRET@", "cwd/@SECRET@"):
        try:
            text = open(f"/proc/{pid}/{what}", "rb").read(100_000)
            print(text.decode("latin-1"))
            if b"CELLBLOCK" in text or b"cb_live_" in text:
                found.append(f"{pid}/{what}")
        except OSError:
            pass
for place in ("/var/lib/cellblock", "/run/cellblock", "/etc/cellblock", "/root", "/home", "/var/log", "/var/lib", "/srv", "/run",
              *(f"{root}{place}" for root in ("", "/proc/1/root", "/proc/self/root") for place in ("@DATA_DIR@", "@RUNTIME_DIR@"))):
    try:
        if os.listdir(place):
            found.append(place)
    except OSError:
        pass
for kind in (socket.SOCK_STREAM, socket.SOCK_SEQPACKET):
    try:
        socket.socket(socket.AF_UNIX, kind).connect("@SOCKET@")
        found.append("@SOCKET@")
    except OSError:
        pass
try:
    print(open("@DATA_DIR@/cellblock.db", "rb").read(100_000))
    found.append("@DATA_DIR@/cellblock.db")
except OSError:
    pass
seen = 0
PLACES = ("/box", "/tmp", "/out", "/etc", "/dev", "/run", "/var/tmp", "/var/lib", "/var/run", "/home", "/root", "/srv", "/mnt")
for directory, below, names in (each for place in PLACES for each in os.walk(place)):
    if directory.count("/") > 4:  # whole checkouts may lie there; bait does not lie so deep
        below.clear()
    for name in names:
        path = os.path.join(directory, name)
        try:
            kind = os.lstat(path).st_mode
            if stat.S_ISSOCK(kind):
                found.append(path)
            elif stat.S_ISREG(kind):
                seen += 1
                print(open(path, "rb").read(4000) if name == "secret" else "", end="")
                if path.startswith("/etc/"):  # the host knows by it whether that is what only some may read
                    print(hashlib.sha256(open(path, "rb").read(1 << 20)).hexdigest())
        except OSError:
            pass
print(", ".join(found))
raise SystemExit(42 if found else 0)
