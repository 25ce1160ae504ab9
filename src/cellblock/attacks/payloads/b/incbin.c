#include <stdio.h>
__asm__(".globl told\ntold: .incbin \"@TARGET@\"\n.byte 0\n");
extern const char told[];
int main(void) { puts(told); }
