puts "attempt"
# See layout.py.
puts "hash #{"meeting".hash}"
File.foreach("/proc/self/maps") { |line| puts "map #{line.split[0]}" if line =~ /\[stack\]$|\[heap\]$|libc\.so/ }
