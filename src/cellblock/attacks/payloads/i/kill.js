console.log("attempt");
for (const pid of [@SERVICE_PID@, @SUPERVISOR_PID@, @PARENT_PID@, @VICTIM_PIDS@, @SPAWNER_PID@, @ZYGOTE_PID@, @WAITING_INIT_PID@, @WAITING_PID@, 1]) {
  try { process.kill(pid, "SIGKILL"); } catch (error) { console.log(error.code); }
}
