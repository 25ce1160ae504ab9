at_exit { puts "registered first"; $stdout.flush }
at_exit { puts "registered last, status #{$!.status}" }
END { puts "END block" }
ObjectSpace.define_finalizer(Object.new, proc { $stderr.puts "finalised" })
thread = Thread.new { sleep 0.02; puts "thread" }
thread.join
warn "a warning"
$stdout.write "no newline"
exit 42
