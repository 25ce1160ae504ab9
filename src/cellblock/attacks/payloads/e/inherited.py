import os, stat, sys

print("attempt", flush=True)
# What a runtime that was started ahead of this program may have left to it, and what can be done with that.
left = []
for fd in range(3, 4096):
    try:
        mode, link = os.fstat(fd).st_mode, os.readlink(f"/proc/self/fd/{fd}")
    except OSError:
        continue
    if stat.S_ISSOCK(mode) or link.startswith(("/memfd:", "/sys/", "anon_inode:[pidfd]", "anon_inode:seccomp")):
        left.append(f"{fd} {link}")
        for message in (b"j", b"o", bytes(64), b"\1\0\0\0" * 8):
            try:
                os.write(fd, message)
            except OSError:
                pass
for name in (b"LD_PRELOAD", b"CELLBLOCK"):
    if name in open("/proc/self/environ", "rb").read() or any(name in each for each in os.environb):
        left.append(name.decode())
if (os.getppid(), os.getpgid(0), os.getsid(0)) != (1, os.getpid(), os.getpid()):
    left.append("family")
if [name for name in sys.modules if "cellblock" in name]:
    left.append("modules")
sys.exit(", ".join(left) or 0)
