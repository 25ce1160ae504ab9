import os
os.write(1, b"attempt\n")
while True:
    os.write(1, b"x" * 65536)
    os.write(2, b"y" * 65536)
