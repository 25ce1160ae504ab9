#pragma once

struct rectangle {
    int width, height;
};

int area(struct rectangle r);
int perimeter(struct rectangle r);
