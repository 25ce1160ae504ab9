#include <stdio.h>
#include <unistd.h>
int main(void) {
    static char block[1 << 16];
    for (unsigned i = 0; i < sizeof block; i++) block[i] = (char)(i * 2654435761u >> 24);
    for (int n = 0; n < 48; n++) { block[0] = (char)n; write(1, block, sizeof block); if (n % 8 == 0) dprintf(2, "%d\n", n); }
    return 0;
}
