#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* 42: no limit of files ended it. */
int main(void) {
    char target[3001], path[256];
    puts("attempt");
    fflush(stdout);
    memset(target, 'x', 3000), target[3000] = 0;
    int made = 0;
    do snprintf(path, sizeof path, "/tmp/%0200d", made++);
    while (made < 32768 && symlink(target, path) == 0);
    printf("%d %m\n", made);
    return made < 32768 && errno == ENOSPC ? 0 : 42;
}
