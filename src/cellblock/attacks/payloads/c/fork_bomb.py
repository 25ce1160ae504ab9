import os
os.write(1, b"attempt\n")
while True:
    try:
        os.fork()
    except OSError:
        pass
