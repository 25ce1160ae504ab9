package org.shapes;

public record Rectangle(int width, int height) {
    public int area() {
        return width * height;
    }

    public int perimeter() {
        return 2 * (width + height);
    }
}
