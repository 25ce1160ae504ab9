#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <unistd.h>
extern char **environ;
int main(void) {
    static char text[1 << 16];
    static const char *paths[] = {"/proc/1/environ", "/proc/self/environ", "/proc/@SUPERVISOR_PID@/environ",
                                  "/proc/@SERVICE_PID@/environ", "@SECRET@", "/proc/1/root@SECRET@", "/proc/1/cmdline"};
    puts("attempt");
    for (char **each = environ; *each; each++) {
        puts(*each);
        if (strstr(*each, "CELLBLOCK")) return 42;
    }
    for (unsigned n = 0; n < sizeof paths / sizeof *paths; n++) {
        FILE *file = fopen(paths[n], "r");
        size_t got = file ? fread(text, 1, sizeof text - 1, file) : 0;
        if (memmem(text, got, "CELLBLOCK", 9)) return 42;
        fwrite(text, 1, got, stdout);
        if (file) fclose(file);
    }
    for (int fd = 3; fd < 1024; fd++)
        if (dup2(fd, fd) >= 0) return 43;
    return 0;
}
