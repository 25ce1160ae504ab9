import os, signal, time

print("attempt", flush=True)
for number in (signal.SIGSTOP, signal.SIGTERM, signal.SIGUSR1, signal.SIGKILL):
    for pid in (-1, 0, 1, @VICTIM_PIDS@, @SUPERVISOR_PID@, os.getppid()):
        if pid == 0 and number in (signal.SIGSTOP, signal.SIGKILL):
            continue
        try:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            signal.signal(signal.SIGUSR1, signal.SIG_IGN)
            os.kill(pid, number)
        except OSError:
            pass
