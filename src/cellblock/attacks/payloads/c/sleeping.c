#include <signal.h>
#include <unistd.h>
int main(void) {
    write(1, "attempt\n", 8);
    for (int number = 1; number < 65; number++) signal(number, SIG_IGN);
    for (;;) pause();
}
