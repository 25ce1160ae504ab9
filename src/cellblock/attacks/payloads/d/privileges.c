#define _GNU_SOURCE
#include <grp.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
/* Each of these must fail; the exit code counts those that did not. */
int main(void) {
    gid_t none = 0;
    struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
    puts("attempt");
    fflush(stdout);
    int won = 0, status;
    won += setuid(0) == 0;
    won += setgid(0) == 0;
    won += setresuid(0, 0, 0) == 0;
    won += setgroups(1, &none) == 0;
    won += setrlimit(RLIMIT_NOFILE, &all) == 0;
    won += setrlimit(RLIMIT_FSIZE, &all) == 0;
    won += setrlimit(RLIMIT_STACK, &all) == 0;
    won += prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0;
    won += prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 21, 0, 0) == 0;
    won += nice(-5) != -1;
    won += mknod("/box/device", S_IFBLK | 0666, 0xfe00) == 0;
    won += chown("/box", 0, 0) == 0;
    if (fork() == 0) execl("/usr/bin/su", "su", "-c", "true", (char *)0), _exit(1);
    won += wait(&status) > 0 && status == 0;
    return won;
}
