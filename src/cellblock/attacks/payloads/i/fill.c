#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
static char bytes[900000];

/* 42: a file is where none may be, or no limit of bytes ended it. */
int main(void) {
    const char *elsewhere[] = {"/out/fill", "/var/tmp/fill", "/run/fill", "/fill"}, *places[] = {"/box", "/tmp", "/dev/shm"};
    char name[64];
    puts("attempt");
    fflush(stdout);
    for (int n = 0; n < 4; n++)
        if (open(elsewhere[n], O_CREAT | O_WRONLY, 0600) >= 0) return 42;
    int made = 0;
    for (int place = 0; place < 3; place++) {
        for (long written = sizeof bytes; written == sizeof bytes; made++) {
            if (made > 1200) return 42;
            snprintf(name, sizeof name, "%s/fill%d", places[place], made);
            int fd = open(name, O_CREAT | O_WRONLY, 0600);
            written = write(fd, bytes, sizeof bytes);
            if (written < 0 && errno != ENOSPC) return 42;
            close(fd);
        }
        printf("%s %d\n", places[place], made);
    }
    return 0;
}
