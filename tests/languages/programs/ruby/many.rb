2000.times { fork { sleep 100 } }
