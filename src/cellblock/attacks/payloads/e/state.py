import os, re, signal, sys

print("attempt", flush=True)
# What a run before might have left to this process.
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
if [name for place in ("/tmp", "/dev/shm") for name in os.listdir(place)]:
    left.append("files")
if os.getpid() > 10:
    left.append("pid")
if any(name for name in os.environ if name not in {"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "USER", "LOGNAME", "PWD", "TZ", "TERM"}
       and not name.startswith(("PYTHON", "LC_"))):
    left.append(f"environment {sorted(os.environ)}")
print(", ".join(left))
sys.exit(42 if left else 0)
