#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
static char bytes[900000];
int main(void) {
    const char *places[] = {"/box", "/tmp", "/dev/shm", "/out", "/var/tmp", "/run", ""};
    char name[64];
    puts("attempt");
    fflush(stdout);
    for (int place = 0; place < 7; place++)
        for (int number = 0;; number++) {
            snprintf(name, sizeof name, "%s/fill%d", places[place], number);
            int fd = open(name, O_CREAT | O_WRONLY, 0600);
            if (fd < 0 || write(fd, bytes, sizeof bytes) != sizeof bytes) break;
            close(fd);
        }
    return 0;
}
