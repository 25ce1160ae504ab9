import os

print("attempt", flush=True)
# What each write would do to the machine is watched there; where it is refused, nothing is.
for path, what in (
    ("/proc/self/exe", "x"), ("/proc/sysrq-trigger", "h"), ("/proc/sys/kernel/core_pattern", "|/tmp/x"),
    ("/proc/sys/kernel/modprobe", "/tmp/x"), ("/proc/sys/kernel/hostname", "taken"), ("/proc/self/oom_score_adj", "-1000"),
    ("/proc/self/uid_map", "0 0 1"), ("/proc/self/gid_map", "0 0 1"), ("/proc/self/setgroups", "allow"), ("/proc/1/mem", "x"),
    ("/proc/self/attr/exec", "x"), ("/proc/@VICTIM_PID@/oom_score_adj", "1000"), ("/proc/@VICTIM_PID@/mem", "x"),
    ("/sys/fs/cgroup/pids/cgroup.procs", "1"), ("/sys/fs/cgroup/cgroup.procs", "1"), ("/sys/kernel/uevent_helper", "/tmp/x"),
    ("/proc/sys/fs/binfmt_misc/register", ":x:M::x::/tmp/x:"), ("/dev/mem", "x"), ("/dev/kmsg", "x"), ("/dev/vda", "x"),
    ("/dev/sda", "x"), ("/dev/console", "x"), ("/dev/tty", "x"), ("/etc/passwd", "x::0:0::/:/bin/sh"), ("/etc/ld.so.preload", "x"),
):
    try:
        with open(path, "r+") as file:
            file.write(what)
    except (OSError, ValueError):
        pass
for path in ("/proc/kcore", "/proc/kallsyms", "/proc/cpuinfo", "/proc/meminfo", "/proc/kmsg", "/proc/1/environ", "/proc/1/maps",
             "/proc/1/cmdline", "/proc/@VICTIM_PID@/environ", "/proc/@SUPERVISOR_PID@/environ", "/etc/shadow"):
    try:
        found = open(path, "rb").read(100)
        if path != "/proc/1/cmdline" and found:
            raise SystemExit(f"{path}: {found!r}")
    except OSError:
        pass
