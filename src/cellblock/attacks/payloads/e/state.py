import os, re, resource, signal, sys

print("attempt", flush=True)
# What a run before might have left to this process.
PLACES = ["/tmp", "/dev/shm"]
left = []
status = open("/proc/self/status").read()
if "\nUmask:\t0022\n" not in status:
    left.append("umask")
if "\nSigBlk:\t0000000000000000\n" not in status or signal.pthread_sigmask(signal.SIG_BLOCK, []):
    left.append("blocked signals")
if open("/proc/self/stat").read().rpartition(")")[2].split()[16] != "0":
    left.append("nice")
limits = re.findall(r"(?m)^Max ([a-z ]+?)  +(\S+) +(\S+)", open("/proc/self/limits").read())
for name, soft, hard in limits:
    # That of CPU time ends a program by a signal first.
    if soft != hard and name != "cpu time" or name == "open files" and int(hard) < 24 or name == "file size" and hard != "unlimited" and int(hard) < 1 << 20:
        left.append(f"limit of {name} {soft} {hard}")
if len(limits) < 14:
    left.append("no limits to be read")
if sorted(int(fd) for fd in os.listdir("/proc/self/fd"))[:4][3:] not in ([], [3]):
    left.append("descriptors")
if [name for place in PLACES for name in os.listdir(place)]:
    left.append("files")
if os.getpid() > 10:
    left.append("pid")
if any(name for name in os.environ if name not in {"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "USER", "LOGNAME", "PWD", "TZ", "TERM"}
       and not name.startswith(("PYTHON", "LC_"))):
    left.append(f"environment {sorted(os.environ)}")
if left:
    print(", ".join(left))
    sys.exit(42)

# And what this one leaves, for the run after it to find: of its own process, and of whoever started it.
for place in PLACES:
    open(f"{place}/left", "w").close()
os.environ["LEFT"] = "1"
os.chdir("/tmp")
os.umask(0)
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
for pid in (os.getppid(), os.getpid()):
    for deed in (
        lambda: os.setpriority(os.PRIO_PROCESS, pid, 3),
        lambda: resource.prlimit(pid, resource.RLIMIT_NOFILE, (16, 16)),
        lambda: resource.prlimit(pid, resource.RLIMIT_FSIZE, (1 << 16, 1 << 16)),
    ):
        try:
            deed()
        except OSError:
            if pid == os.getpid():
                raise
