words = %w[zebra Apfel ärger éclair banana Zoo apple]
p words.sort, words.sort_by { |w| [w.length, w.downcase] }, words.group_by(&:size), words.minmax
p (1..20).each_slice(6).map(&:sum), (1..Float::INFINITY).lazy.select { |n| n % 7 == 3 }.first(5)
p 2**200, 10.digits, 3.7 % 1, -7 / 2, -7.remainder(2), 0.1 + 0.2, 1e23, 1.0 / 3, 100.0.to_s, 1e100.to_i
p Rational(3, 7) + Rational(1, 3), Complex(1, 2) ** 3, Math.sqrt(2), Math.gamma(5.5), 12345.6789.round(2)
def hanoi(n, a, b, c) = n.zero? ? 0 : hanoi(n - 1, a, c, b) + 1 + hanoi(n - 1, c, b, a)
p hanoi(14, :a, :b, :c)
memo = Hash.new { |h, n| h[n] = n < 2 ? n : h[n - 1] + h[n - 2] }
p memo[90]
Point = Struct.new(:x, :y) do
  def +(other) = Point.new(x + other.x, y + other.y)
end
p Point.new(1, 2) + Point.new(3, 4), { a: 1, "b" => [nil, true, 1.5, :sym] }
case { name: "Zoë", tags: [1, 2, 3] }
in { name: String => name, tags: [first, *] } then puts "#{name} #{first}"
end
p Random.new(42).rand(1000), Random.new(42).bytes(4), [1, 2, 3, 4, 5].shuffle(random: Random.new(7))
p "日本語".bytes, "日本語".reverse, "straße".upcase, "%08.3f|%-6s|%+d" % [3.14159, "ab", 5], "a-b_c".tr("-_", "  ")
