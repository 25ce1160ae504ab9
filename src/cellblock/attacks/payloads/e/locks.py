import fcntl, os, sys, time

first = sys.stdin.readline() == "first\n"
print("attempt", flush=True)
fd = os.open("@PATH@", os.O_RDONLY)
if first:
    @LOCK@
    time.sleep(2)
else:
    @SEEN@
