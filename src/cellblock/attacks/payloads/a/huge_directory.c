#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(void) {
    char target[3001], path[256];
    puts("attempt");
    fflush(stdout);
    memset(target, 'x', 3000), target[3000] = 0;
    int made = 0;
    do snprintf(path, sizeof path, "/tmp/%0200d", made++);
    while (symlink(target, path) == 0);
    printf("%d %m\n", made);
    return 0;
}
