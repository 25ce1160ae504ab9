2000.times { Thread.new { sleep 100 } }
