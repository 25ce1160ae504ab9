#include <stdio.h>
#include <stdlib.h>

int main(void) {
    puts("before");
    fputs("failing\n", stderr);
    exit(3);
}
