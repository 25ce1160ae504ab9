import ctypes, mmap

print("attempt", flush=True)
code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
# push rbx; mov eax, NUMBER; mov ebx, CLONE_NEWUSER; int 0x80; pop rbx; ret
code.write(b"\x53\xb8" + (@NUMBER@).to_bytes(4, "little") + b"\xbb\0\0\0\x10\xcd\x80\x5b\xc3")
ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))()
raise SystemExit(42)
