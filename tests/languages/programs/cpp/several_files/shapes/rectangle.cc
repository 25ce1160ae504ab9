#include "rectangle.hpp"

int Rectangle::area() const {
    return width_ * height_;
}

int Rectangle::perimeter() const {
    return 2 * (width_ + height_);
}
