#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static void handled(int number) { char text[] = "handled 00\n"; text[8] += number / 10; text[9] += number % 10; write(2, text, 11); }
int main(void) {
    signal(SIGUSR2, handled);
    raise(SIGUSR2);
    char line[100];
    if (fgets(line, sizeof line, stdin)) printf("read %zu: %s", strlen(line), line);
    fflush(stdout);
    volatile int zero = atoi("0");
    return 1000 / zero;
}
