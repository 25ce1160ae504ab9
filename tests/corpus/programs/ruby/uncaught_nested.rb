class Refused < StandardError
  def initialize(amount) = super("cannot take #{amount}: größer\nsecond line")
end

def inner(n) = n.zero? ? Integer("zwölf") : inner(n - 1)

def outer
  inner(3)
rescue ArgumentError
  raise Refused, 12
end

puts "before"
begin
  outer
rescue Refused => e
  puts e.full_message(highlight: false), e.cause.class
end
begin
  nil.lenght
rescue NoMethodError => e
  puts e.message, e.detailed_message(highlight: false)
end
outer
