#include <unistd.h>
int main(void) {
    long result;
    write(1, "attempt\n", 8);
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(@NUMBER@), "b"(0x10000000), "c"(0), "d"(0) : "memory");
    return 42;
}
