require("node:fs").writeSync(1, "attempt\n");
for (const name of ["SIGTERM", "SIGUSR1"]) process.on(name, () => {});
for (const name of ["SIGSTOP", "SIGTERM", "SIGUSR1", "SIGKILL"])
  for (const pid of [-1, 0, 1, @VICTIM_PIDS@, @SUPERVISOR_PID@, process.ppid])
    if (pid !== 0 || !["SIGSTOP", "SIGKILL"].includes(name)) try { process.kill(pid, name); } catch {}
process.exit();
