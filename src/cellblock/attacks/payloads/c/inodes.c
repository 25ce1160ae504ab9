#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* 42: no limit of files ended it. */
int main(void) {
    char name[32];
    int made = 0, fd = 0;
    puts("attempt");
    fflush(stdout);
    for (; fd >= 0 && made < 32768; made++) {
        snprintf(name, sizeof name, "/tmp/%d", made);
        fd = open(name, O_CREAT | O_WRONLY, 0600);
        if (fd >= 0) close(fd);
    }
    printf("%d %m\n", made);
    return fd < 0 && errno == ENOSPC ? 0 : 42;
}
