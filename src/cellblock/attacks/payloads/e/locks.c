#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

static const int by_flock = sizeof "@WAY@" == sizeof "flock";

static int meets_one(void) {
    int fd = open("@PATH@", O_RDONLY);
    struct flock asked = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (by_flock) return flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    return fcntl(fd, F_GETLK, &asked) == 0 && asked.l_type != F_UNLCK;
}

/* See locks.py. */
int main(void) {
    char line[16] = "";
    fgets(line, sizeof line, stdin);
    puts("attempt");
    fflush(stdout);
    if (strcmp(line, "first\n") != 0) return meets_one() ? 42 : 0;
    int fd = open("@PATH@", O_RDONLY), status = 0;
    struct flock wanted = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
    if ((by_flock ? flock(fd, LOCK_EX) : fcntl(fd, F_SETLK, &wanted)) != 0) return 1;
    pid_t child = fork();
    if (child == 0) _exit(meets_one() ? 42 : 0);
    waitpid(child, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 42) puts("held");
    fflush(stdout);
    usleep((useconds_t)(@HELD_S@ * 1e6));
    return 0;
}
