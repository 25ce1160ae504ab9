from shapes.rectangle import Rectangle
from shapes.words import greeting

r = Rectangle(3, 4)
print("area", r.area())
print("perimeter", r.perimeter())
print(greeting())
