import os, resource

os.write(1, b"attempt\n")
try:
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2)
except ValueError:
    pass
os.abort()
