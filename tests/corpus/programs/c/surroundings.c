#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
extern char **environ;
static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }
int main(int argc, char **argv) {
    char cwd[256];
    for (int i = 0; i < argc; i++) printf("[%s]", argv[i]);
    int count = 0;
    while (environ[count]) count++;
    qsort(environ, count, sizeof *environ, by_text);
    for (int i = 0; i < count; i++) puts(environ[i]);
    printf("%s %o\n", getcwd(cwd, sizeof cwd), umask(022));
    for (int n = 1; n < 65; n++) {
        struct sigaction action;
        if (sigaction(n, NULL, &action) == 0 && action.sa_handler != SIG_DFL) printf("signal %d is not default\n", n);
    }
    sigset_t blocked;
    sigprocmask(SIG_BLOCK, NULL, &blocked);
    for (int n = 1; n < 65; n++) if (sigismember(&blocked, n) == 1) printf("signal %d is blocked\n", n);
    for (int fd = 0; fd < 1024; fd++) if (fcntl(fd, F_GETFD) >= 0) printf("descriptor %d\n", fd);
    struct rlimit limit;
    int which[] = {RLIMIT_NOFILE, RLIMIT_FSIZE, RLIMIT_STACK, RLIMIT_CORE, RLIMIT_MEMLOCK, RLIMIT_AS, RLIMIT_DATA};
    for (unsigned i = 0; i < sizeof which / sizeof *which; i++) {
        getrlimit(which[i], &limit);
        printf("limit %d: %lld %lld\n", which[i], (long long)limit.rlim_cur, (long long)limit.rlim_max);
    }
    printf("%s %d %d %ld\n", setlocale(LC_ALL, ""), getpgrp() == getsid(0), isatty(0), sysconf(_SC_PAGESIZE));
    return 0;
}
