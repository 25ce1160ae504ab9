@ASK@
#include <stdio.h>
#include <stdlib.h>
int main(void) {
    puts("attempt");
#if __has_include("@SECRET@")
    abort();
#endif
    return 0;
}
