import ctypes, os, time

print("attempt", flush=True)
# Names change what they are all the time, from before the end until after it.
libc = ctypes.CDLL(None)
os.mkdir("/box/real")
os.symlink("@CANARY_DIR@", "/box/link")
os.symlink("@SECRET@", "/box/secret")
os.close(os.open("/box/file", os.O_CREAT | os.O_RDWR))
os.mkfifo("/box/fifo")
child = os.fork()
end = time.monotonic() + 2
while child == 0 or time.monotonic() < end:
    for one, other in ((b"/box/real", b"/box/link"), (b"/box/file", b"/box/fifo"), (b"/box/main.py", b"/box/secret")):
        libc.renameat2(-100, one, -100, other, 2)
