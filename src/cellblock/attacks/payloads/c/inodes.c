#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
int main(void) {
    char name[32];
    puts("attempt");
    fflush(stdout);
    for (int made = 0, fd = 0; fd >= 0; made++) {
        snprintf(name, sizeof name, "/tmp/%d", made);
        fd = open(name, O_CREAT | O_WRONLY, 0600);
        close(fd);
    }
    return 0;
}
