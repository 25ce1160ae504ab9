#include <time.h>
#include <unistd.h>
#include <sys/wait.h>
/* Short-lived children, each gone before anybody looks. */
int main(void) {
    write(1, "attempt\n", 8);
    for (;;) {
        if (fork() == 0) {
            for (volatile int n = 0; n < 20000000; n++) {}
            _exit(0);
        }
        wait(0);
    }
}
