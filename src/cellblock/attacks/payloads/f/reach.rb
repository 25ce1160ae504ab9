require "socket"

puts "attempt"
$stdout.flush
reached = [
  -> { TCPSocket.new("127.0.0.1", @TCP_PORT@).write("reached") },
  -> { TCPSocket.new("::1", @TCP6_PORT@).write("reached") },
  -> { UDPSocket.new.send("reached", 0, "127.0.0.1", @UDP_PORT@); false },
  -> { UNIXSocket.new("@UNIX@") },
  -> { UNIXSocket.new("\0@ABSTRACT@") },
].count do |deed|
  deed.call
rescue SystemCallError, SocketError => error
  puts error.message
end
exit reached
