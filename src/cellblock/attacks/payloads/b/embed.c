#include <stdio.h>
#include <string.h>
static const char told[] = {
#if __has_include("@TARGET@")
'y',
#endif
0};
int main(void) { puts("attempt"); return strlen(told) ? 42 : 0; }
