65_536.times { puts "0123456789abcde" }
