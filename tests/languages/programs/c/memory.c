#include <stdlib.h>
#include <string.h>

int main(void) {
    for (;;) {
        char *chunk = malloc(1000000);
        if (chunk)
            memset(chunk, 1, 1000000);
    }
}
