#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int main(void) {
    write(1, "before\n", 7);
    char *volatile block = malloc(100), *volatile again = block;
    free(block);
    free(again);
    puts("not reached");
}
