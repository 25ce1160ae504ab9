Rectangle = Struct.new(:width, :height) do
  def area = width * height

  def perimeter = 2 * (width + height)
end
