"""Everything that a fresh interpreter shows of how it was started."""
import os
import resource
import signal
import sys
import threading

first = sorted(sys.modules)
print(sys.argv, __name__, __file__, sys.path, sys.flags, sys.executable)
print(sorted(os.environ.items()))
print(os.getcwd(), oct(os.umask(0o22)), sorted(os.listdir(".")))
print(sorted(os.listdir("/proc/self/fd"))[:3], len(os.listdir("/proc/self/fd")))
# Debian keeps one in /etc/python3.13; a cell shows nothing of that directory.
print([name for name in first if name != "sitecustomize"])
print(threading.active_count(), threading.current_thread().name, len(os.listdir("/proc/self/task")))
print({number.name: signal.getsignal(number) for number in signal.valid_signals() if isinstance(number, signal.Signals)})
print(signal.pthread_sigmask(signal.SIG_BLOCK, []))
for name in ("NOFILE", "FSIZE", "STACK", "CORE", "MEMLOCK"):
    print(name, resource.getrlimit(getattr(resource, f"RLIMIT_{name}")))
for stream in (sys.stdin, sys.stdout, sys.stderr):
    print(stream.name, stream.mode, stream.encoding, stream.errors, stream.line_buffering, stream.isatty())
print(sorted(globals()), sys.getrecursionlimit(), sys.gettrace(), sys.getprofile())
print(os.getpriority(os.PRIO_PROCESS, 0), os.getpgrp() == os.getsid(0), os.getgroups() in ([], [os.getgid()]))
print(open("/proc/self/cmdline", "rb").read(), open("/proc/self/comm").read())
