import os, time

print("attempt", flush=True)
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(3600)  # keeps standard output open after the program has ended
        os._exit(0)
