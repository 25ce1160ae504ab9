import ctypes

print("attempt", flush=True)
# Where things are, and how strings are hashed: whoever knows it of another run can aim at it.
print("hash", hash("meeting"))
print("heap", id(object()))
libc = ctypes.CDLL(None)
libc.getauxval.restype = ctypes.c_void_p
print("kernel's bytes", ctypes.string_at(libc.getauxval(25), 16).hex())
for line in open("/proc/self/maps"):
    if line.endswith("[stack]\n") or "libc.so" in line:
        print("map", line.split()[0])
