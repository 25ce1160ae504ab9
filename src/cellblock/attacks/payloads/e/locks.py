import fcntl, os, sys, time

first = sys.stdin.readline() == "first\n"
print("attempt", flush=True)
fd = @OPEN@
if first:
    @LOCK@
    time.sleep(2)
else:
    @SEEN@
