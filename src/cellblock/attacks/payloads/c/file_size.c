#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

/* 42: the file is as long as it likes. */
int main(void) {
    static char block[1 << 16];
    long size = 0, written;
    puts("attempt");
    fflush(stdout);
    signal(SIGXFSZ, SIG_IGN);
    int fd = open("/box/file", O_CREAT | O_WRONLY | O_APPEND, 0600);
    while (size < 64 << 20 && (written = write(fd, block, sizeof block)) > 0) size += written;
    printf("%ld bytes, then %m\n", size);
    return size < 64 << 20 && errno == EFBIG ? 0 : 42;
}
