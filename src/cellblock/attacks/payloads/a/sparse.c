#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

int main(void) {
    puts("attempt");
    fflush(stdout);
    signal(SIGXFSZ, SIG_IGN);
    int fd = open("/box/sparse", O_CREAT | O_RDWR, 0666);
    if (ftruncate(fd, 1L << 40) == 0 || fallocate(fd, 0, 0, 1L << 40) == 0) return 42;
    return 0;
}
