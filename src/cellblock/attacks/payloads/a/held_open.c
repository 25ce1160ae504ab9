#include <unistd.h>
int main(void) {
    write(1, "attempt\n", 8);
    for (int n = 0; n < 3; n++)
        if (fork() == 0) {
            setsid();
            if (fork() == 0) sleep(3600); /* keeps standard output open after the program has ended */
            _exit(0);
        }
    return 0;
}
