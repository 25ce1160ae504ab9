puts "before"
warn "failing"
exit 3
