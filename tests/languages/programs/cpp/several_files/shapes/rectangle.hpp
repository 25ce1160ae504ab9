#pragma once

class Rectangle {
  public:
    Rectangle(int width, int height) : width_(width), height_(height) {}
    int area() const;
    int perimeter() const;

  private:
    int width_, height_;
};
