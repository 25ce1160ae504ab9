import hashlib, threading

print("attempt", flush=True)
# Digests of much at once are computed outside the interpreter's lock.
much = bytes(1 << 20)


def burn():
    while True:
        hashlib.sha256(much)


for _ in range(8):
    threading.Thread(target=burn).start()
burn()
