queue = Queue.new
workers = 4.times.map { |n| Thread.new { while (job = queue.pop) != :end do Thread.current[:sum] = (Thread.current[:sum] || 0) + job end; Thread.current[:sum] || 0 } }
(1..100).each { |n| queue << n }
4.times { queue << :end }
p workers.sum(&:value)
mutex, count = Mutex.new, 0
8.times.map { Thread.new { 500.times { mutex.synchronize { count += 1 } } } }.each(&:join)
p count
fiber = Fiber.new { |x| loop { x = Fiber.yield(x * 2) } }
p fiber.resume(1), fiber.resume(21)
t = Thread.new { Thread.current.report_on_exception = false; raise IOError, "inside" }
begin
  t.join
rescue => e
  p e.class, e.message
end
p Ractor.new { 6 * 7 }.take if false
trap("USR1") { $stdout.syswrite("handled\n") }
Process.kill("USR1", Process.pid)
sleep 0.02
$stdout.flush
Process.kill("KILL", Process.pid)
sleep
