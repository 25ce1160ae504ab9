#include <signal.h>
#include <stdio.h>
int main(void) {
    int pids[] = {@SERVICE_PID@, @SUPERVISOR_PID@, @PARENT_PID@, @VICTIM_PIDS@, @SPAWNER_PID@, @ZYGOTE_PID@, @WAITING_INIT_PID@, @WAITING_PID@, 1};
    puts("attempt");
    fflush(stdout);
    for (int n = 0; n < (int)(sizeof pids / sizeof *pids); n++) kill(pids[n], SIGKILL), kill(-pids[n] - (pids[n] == 1), SIGKILL);
    return 0;
}
