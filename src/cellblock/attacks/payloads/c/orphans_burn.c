#include <unistd.h>
int main(void) {
    write(1, "attempt\n", 8);
    for (int n = 0; n < 4; n++)
        if (fork() == 0) {
            setsid();
            if (fork()) _exit(0);
            for (;;) {}
        }
    return 0;
}
