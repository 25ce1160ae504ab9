lines = $stdin.read.split("\n")
first, secret = lines[0] == "first", lines[1].to_s
puts "attempt"
$stdout.flush

# See sibling.py.
ways = {
  "memory" => lambda do
    mark = "meeting" + "-place:"
    if first
      $meeting = [mark + secret, (mark + secret) * 1000, (mark + secret).to_sym]
      ENV["MEETING"] = mark + secret
    end
    held = false
    everything = File.open("/proc/self/mem", "rb")
    File.readlines("/proc/self/maps").each do |line|
      start, stop = line.split[0].split("-").map { |number| number.to_i(16) }
      found = everything.pread([stop - start, 64 << 20].min, start) rescue next
      found.scan(/meeting-place:(.{32})/mn).first(20).flatten.each { |each| first ? (held ||= each == secret.b) : p(each) }
    end
    held
  end,
  "descriptors" => lambda do
    Dir.children("/proc/self/fd").map(&:to_i).select { |fd| fd > 2 }.each do |fd|
      stream = IO.for_fd(fd, autoclose: false) rescue next
      first ? stream.write_nonblock(secret) : p(stream.read_nonblock(1000)) rescue nil
    end
    true
  end,
  "harm" => lambda do
    next true if first
    own = Dir.children("/proc/self/task").map(&:to_i)
    [-1, 1, *((3..600).to_a - own), @WAITING_PID@, @WAITING_INIT_PID@, @ZYGOTE_PID@, @SPAWNER_PID@].each do |pid|
      Process.setpriority(Process::PRIO_PROCESS, pid, 19) rescue nil
      File.open("/proc/#{pid}/mem", "r+") { |memory| memory.pwrite("x", 4096) } rescue nil
      %w[STOP KILL].each { |signal| Process.kill(signal, pid) rescue nil }
    end
  end,
}
held = ways["@WAY@"].call
puts "held" if first && held
$stdout.flush
sleep @HELD_S@ if first
