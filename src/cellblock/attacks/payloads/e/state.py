import os, resource, signal, sys

print("attempt", flush=True)
# What a run before might have left to this process.
left = []
if os.umask(0o022) != 0o022:
    left.append("umask")
if signal.pthread_sigmask(signal.SIG_BLOCK, []):
    left.append("blocked signals")
if resource.getpriority(resource.PRIO_PROCESS, 0) if hasattr(resource, "getpriority") else os.nice(0):
    left.append("nice")
if sorted(int(fd) for fd in os.listdir("/proc/self/fd"))[:4][3:] not in ([], [3]):
    left.append("descriptors")
if [name for place in ("/tmp", "/dev/shm") for name in os.listdir(place)]:
    left.append("files")
if os.getpid() > 10:
    left.append("pid")
if any(name for name in os.environ if name not in {"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "USER", "LOGNAME", "PWD", "TZ", "TERM"}
       and not name.startswith(("PYTHON", "LC_"))):
    left.append(f"environment {sorted(os.environ)}")
sys.exit(", ".join(left) or 0)
