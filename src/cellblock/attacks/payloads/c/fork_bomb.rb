$stdout.sync = true
puts "attempt"
loop { begin; fork; rescue SystemCallError; end }
