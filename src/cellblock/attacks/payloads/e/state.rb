puts "attempt"
# See state.py.
left = []
status = File.read("/proc/self/status")
left << "umask" unless status.include?("\nUmask:\t0022\n")
left << "blocked signals" unless status.include?("\nSigBlk:\t0000000000000000\n")
left << "nice" if File.read("/proc/self/stat").rpartition(")").last.split[16] != "0"
limits = File.read("/proc/self/limits").scan(/^Max ([a-z ]+?)  +(\S+) +(\S+)/)
limits.each do |name, soft, hard|
  low = { "open files" => 24, "file size" => 1 << 20 }.fetch(name, 0)
  high = hard == "unlimited" || hard.to_i >= low
  next if high && (soft == hard || name == "cpu time")
  left << "limit of #{name} #{soft} #{hard}"
end
left << "no limits to be read" if limits.size < 14
places = %w[/tmp /dev/shm]
left << "files" if places.any? { |place| !Dir.empty?(place) }
left << "pid" if Process.pid > 10
left += ENV.keys.grep_v(/\A(PATH|HOME|LANG|LC_.*|TMPDIR|PWD|RUBY.*|GEM_.*)\z/)
unless left.empty?
  puts left.join(", ")
  exit 42
end
# For the run after it to find. Ruby blocks no signals, and sets no other's limits.
places.each { |place| File.write("#{place}/left", "") }
ENV["LEFT"] = "1"
Dir.chdir("/tmp")
File.umask(0)
Process.setpriority(Process::PRIO_PROCESS, Process.ppid, 3) rescue nil
Process.setpriority(Process::PRIO_PROCESS, 0, 3)
Process.setrlimit(:FSIZE, 1 << 16, 1 << 16)
Process.setrlimit(:NOFILE, 16, 16)
