#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Names change what they are all the time, from before the end until after it. */
int main(void) {
    puts("attempt");
    fflush(stdout);
    mkdir("/box/real", 0777);
    symlink("@CANARY_DIR@", "/box/link");
    symlink("@SECRET@", "/box/secret");
    close(open("/box/file", O_CREAT | O_RDWR, 0666));
    mkfifo("/box/fifo", 0666);
    int child = fork();
    time_t end = time(NULL) + 2;
    while (child == 0 || time(NULL) < end) {
        renameat2(AT_FDCWD, "/box/real", AT_FDCWD, "/box/link", RENAME_EXCHANGE);
        renameat2(AT_FDCWD, "/box/file", AT_FDCWD, "/box/fifo", RENAME_EXCHANGE);
        renameat2(AT_FDCWD, "/box/main.c", AT_FDCWD, "/box/secret", RENAME_EXCHANGE);
    }
    return 0;
}
