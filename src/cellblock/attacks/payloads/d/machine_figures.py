import os, sys

print("attempt", flush=True)
# By sysinfo(2): glibc asks nothing else.
memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
print(memory_bytes, os.sysconf("SC_AVPHYS_PAGES"))
sys.exit(memory_bytes == @MEMORY_BYTES@)
