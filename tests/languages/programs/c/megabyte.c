#include <stdio.h>

int main(void) {
    for (int i = 0; i < 65536; i++)
        puts("0123456789abcde");
}
