#include <stdio.h>

#include "shapes/rectangle.h"
#include "shapes/words.h"

int main(void) {
    struct rectangle r = {3, 4};
    printf("area %d\nperimeter %d\n%s\n", area(r), perimeter(r), greeting());
}
