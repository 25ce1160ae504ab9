require_relative "shapes/rectangle"
require "./shapes/words"

r = Rectangle.new(3, 4)
puts "area #{r.area}"
puts "perimeter #{r.perimeter}"
puts Words.greeting
