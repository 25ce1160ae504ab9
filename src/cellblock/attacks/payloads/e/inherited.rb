puts "attempt"
$stdout.flush
# What a runtime that was started ahead of this program may have left to it, and what can be done with that.
left = []
Dir.children("/proc/self/fd").each do |fd|
  link = File.readlink("/proc/self/fd/#{fd}") rescue next
  next if fd.to_i < 3 or not link.start_with?("socket:", "/memfd:", "/sys/", "anon_inode:[pidfd]", "anon_inode:seccomp")
  left << "#{fd} #{link}"
  [ "j", "o", "\0" * 64, "\1\0\0\0" * 8 ].each { |message| IO.for_fd(fd.to_i, autoclose: false).syswrite(message) rescue nil }
end
environment = File.binread("/proc/self/environ") + ENV.to_h.to_s
%w[LD_PRELOAD CELLBLOCK].each { |name| left << name if environment.include?(name) }
left << "family" if [Process.ppid, Process.getpgrp, Process.getsid] != [1, Process.pid, Process.pid]
left << "threads" if Thread.list.size != 1
abort left.join(", ") unless left.empty?
