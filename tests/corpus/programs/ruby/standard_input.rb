first = gets
rest = $stdin.each_line.map(&:chomp)
p first, rest.size, rest.last, gets, first.encoding, rest.sum { |l| l.scan(/\d+/).sum(&:to_i) }
File.write("out/x", "y") rescue p $!.class
Dir.mkdir("out")
File.write("out/ü.txt", rest.join("\n"))
p Dir["out/*"], File.size("out/ü.txt"), File.open("out/ü.txt") { |f| f.flock(File::LOCK_EX | File::LOCK_NB) }
STDERR.print "to stderr"
abort "aborted with a message"
