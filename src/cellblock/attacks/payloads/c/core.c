#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Of a child its parent is told whether the kernel dumped it, to a file or to the host's program: 42. */
int main(void) {
    struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
    int status;
    write(1, "attempt\n", 8);
    setrlimit(RLIMIT_CORE, &all);
    if (fork() == 0) abort();
    if (wait(&status) < 0 || !WIFSIGNALED(status)) return 1;
    if (WCOREDUMP(status)) return 42;
    abort();
}
