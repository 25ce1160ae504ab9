#include <signal.h>
#include <unistd.h>
int main(void) {
    write(1, "attempt\n", 8);
    for (int n = 1; n < 32; n++) signal(n, SIG_IGN);
    for (;;) if (fork() == 0) setsid();
}
