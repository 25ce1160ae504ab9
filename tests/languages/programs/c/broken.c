#include <stdio.h>

int main(void) {
    puts(undeclared_name);
}
