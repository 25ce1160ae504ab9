10_000.times do |n|
  puts "#{n} #{"é" * (n % 40)}"
  warn "e#{n}" if (n % 500).zero?
end
$stdout.binmode
$stdout.write((0..255).to_a.pack("C*") * 64)
