import os
import subprocess
import sys

done = subprocess.run(["/bin/sh", "-c", "read line; echo got $line; echo err >&2; exit 7"],
                      input="a line\n", capture_output=True, text=True)
print(done.returncode, repr(done.stdout), repr(done.stderr))
sys.stdout.flush()
children = []
for number in range(3):
    pid = os.fork()
    if pid == 0:
        os._exit(number * 10)
    children.append(pid)
print([os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children])
killed = subprocess.run(["/bin/sh", "-c", "kill -TERM $$"])
print(killed.returncode)
again = subprocess.run([sys.executable, "-c", "import sys; print(sys.argv, sys.flags.isolated)", "x"], capture_output=True)
print(again.stdout, again.stderr)
