import os
os.write(1, b"attempt\n")
kept = []
while True:
    kept.append(bytearray(os.urandom(1 << 16)) * 64)
