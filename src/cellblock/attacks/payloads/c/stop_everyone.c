#include <signal.h>
#include <stdio.h>
#include <unistd.h>

int main(void) {
    int numbers[] = {SIGSTOP, SIGTERM, SIGUSR1, SIGKILL}, everyone[] = {-1, 0, 1, @VICTIM_PIDS@, @SUPERVISOR_PID@, getppid()};
    puts("attempt");
    fflush(stdout);
    signal(SIGTERM, SIG_IGN);
    signal(SIGUSR1, SIG_IGN);
    for (int n = 0; n < 4; n++)
        for (int p = 0; p < (int)(sizeof everyone / sizeof *everyone); p++)
            if (everyone[p] || (numbers[n] != SIGSTOP && numbers[n] != SIGKILL)) kill(everyone[p], numbers[n]);
    return 0;
}
