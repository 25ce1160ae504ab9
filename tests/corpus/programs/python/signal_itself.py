import os
import signal
import sys

signal.signal(signal.SIGUSR1, lambda number, frame: print("handled", signal.Signals(number).name, frame.f_lineno))
os.kill(os.getpid(), signal.SIGUSR1)
signal.alarm(0)
try:
    os.kill(os.getpid(), signal.SIGINT)
except KeyboardInterrupt:
    print("interrupted", flush=True)
print("lost in the buffer", end="")
os.kill(os.getpid(), signal.SIGTERM)
