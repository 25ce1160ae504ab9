puts "attempt"
$stdout.flush
[@SERVICE_PID@, @SUPERVISOR_PID@, @PARENT_PID@, @VICTIM_PIDS@, @SPAWNER_PID@, @ZYGOTE_PID@, @WAITING_INIT_PID@, @WAITING_PID@, 1, Process.ppid].each do |pid|
  %w[CONT TERM STOP KILL].each { |signal| Process.kill(signal, pid) rescue nil }
end
