require "open3"
out, err, status = Open3.capture3("/bin/sh", "-c", "read x; echo got $x; echo err >&2; exit 5", stdin_data: "zeile\n")
p out, err, status.exitstatus
pids = 3.times.map { |n| fork { exit!(n + 1) } }
p pids.map { |pid| Process.wait2(pid)[1].exitstatus }
p `echo from a shell; exit 3`, $?.exitstatus
r, w = IO.pipe
fork { r.close; w.puts "child says ü"; w.close; exit!(0) }
w.close
p r.read
Process.wait
p system("kill -USR2 $$"), $?.termsig
