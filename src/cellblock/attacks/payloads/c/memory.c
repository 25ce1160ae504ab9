#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(void) {
    write(1, "attempt\n", 8);
    for (;;) {
        char *p = malloc(1 << 20);
        if (p) memset(p, 1, 1 << 20);
    }
}
