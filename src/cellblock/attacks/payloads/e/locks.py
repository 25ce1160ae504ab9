import fcntl, os, select, struct, sys, time

first = sys.stdin.readline() == "first\n"
print("attempt", flush=True)
RECORD = "hhqqi"
kept = []


def lock(fd):
    if "@WAY@" == "flock":
        fcntl.flock(fd, fcntl.LOCK_EX)
    else:
        fcntl.fcntl(fd, fcntl.F_SETLK, struct.pack(RECORD, fcntl.F_RDLCK, 0, 0, 0, 0))


def meets_one(fd):
    if "@WAY@" == "flock":
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False
    asked = struct.pack(RECORD, fcntl.F_WRLCK, 0, 0, 0, 0)
    return struct.unpack(RECORD, fcntl.fcntl(fd, fcntl.F_GETLK, asked))[0] != fcntl.F_UNLCK


fd = @OPEN@
if first:
    lock(fd)
    child = os.fork()
    if child == 0:
        # Opened anew, as a stranger would: what this child meets is held.
        os._exit(42 if meets_one(@OPEN@) else 0)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 42:
        print("held", flush=True)
    time.sleep(@HELD_S@)
elif meets_one(fd):
    sys.exit(42)
