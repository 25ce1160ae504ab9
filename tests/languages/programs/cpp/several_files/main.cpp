#include <iostream>

#include "shapes/rectangle.hpp"
#include "shapes/words.hpp"

int main() {
    Rectangle r(3, 4);
    std::cout << "area " << r.area() << "\nperimeter " << r.perimeter() << '\n' << greeting() << '\n';
}
