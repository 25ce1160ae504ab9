puts "Grüße ∑ 日本語 🚀"
puts gets
