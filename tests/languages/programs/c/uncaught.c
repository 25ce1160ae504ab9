#include <errno.h>
#include <stdio.h>
#include <string.h>

int main(void) {
    puts("before");
    if (fopen("/no/such/file", "r") == NULL) {
        fprintf(stderr, "boom: %s\n", strerror(errno));
        return 1;
    }
}
