import fcntl, os, termios

print("attempt", flush=True)
for fd in (0, 1, 2):
    for deed in (
        # Beside the file that a stream is, where it is one.
        lambda: print(open(os.path.dirname(os.readlink(f"/proc/self/fd/{fd}")) + "/secret").read(), flush=True),
        lambda: os.fchmod(fd, 0o777),
        lambda: os.fchown(fd, 0, 0),
        lambda: os.ftruncate(fd, 1 << 40),
        lambda: os.chmod(f"/proc/self/fd/{fd}", 0),
        lambda: fcntl.fcntl(fd, 1031, 1 << 30),  # F_SETPIPE_SZ
        lambda: fcntl.fcntl(fd, fcntl.F_SETFL, os.O_DIRECT | os.O_NONBLOCK),
        lambda: fcntl.fcntl(fd, fcntl.F_SETOWN, 1),
        lambda: fcntl.ioctl(fd, termios.FIONREAD, b"1234"),
        lambda: os.pwrite(fd, b"x", 0),
        lambda: os.open(f"/proc/self/fd/{fd}", os.O_RDWR | os.O_NONBLOCK),
        lambda: os.rename(f"/proc/self/fd/{fd}", "/box/x"),
    ):
        try:
            deed()
        except OSError:
            pass
