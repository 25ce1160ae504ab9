import os, resource, sys

os.write(1, b"attempt\n")
try:
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2)
except ValueError:
    pass
# Of a child its parent is told whether the kernel dumped it, to a file or to the host's program: 42.
child = os.fork()
if child == 0:
    os.abort()
_, status = os.waitpid(child, 0)
if not os.WIFSIGNALED(status):
    sys.exit(1)
if os.WCOREDUMP(status):
    sys.exit(42)
os.abort()
