#define _GNU_SOURCE
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
extern char **environ;
int main(void) {
    static char text[1 << 16];
    static const char *paths[] = {"/proc/1/environ", "/proc/self/environ", "/proc/@SUPERVISOR_PID@/environ",
                                  "/proc/@SERVICE_PID@/environ", "/proc/@PARENT_PID@/environ", "@SECRET@",
                                  "/proc/1/root@SECRET@", "/proc/1/cmdline", "@DATA_DIR@/cellblock.db",
                                  "/proc/1/root@DATA_DIR@/cellblock.db"};
    static const char *directories[] = {"@DATA_DIR@", "@RUNTIME_DIR@", "/proc/1/root@DATA_DIR@", "/proc/1/root@RUNTIME_DIR@"};
    int found = 0;
    puts("attempt");
    for (char **each = environ; *each; each++) {
        puts(*each);
        found |= strstr(*each, "CELLBLOCK") != NULL;
    }
    for (unsigned n = 0; n < sizeof paths / sizeof *paths; n++) {
        FILE *file = fopen(paths[n], "r");
        size_t got = file ? fread(text, 1, sizeof text - 1, file) : 0;
        found |= memmem(text, got, "CELLBLOCK", 9) != NULL || (got > 0 && strstr(paths[n], "cellblock.db"));
        fwrite(text, 1, got, stdout);
        if (file) fclose(file);
    }
    for (unsigned n = 0; n < sizeof directories / sizeof *directories; n++) {
        DIR *directory = opendir(directories[n]);
        for (struct dirent *each; directory && (each = readdir(directory));)
            if (strcmp(each->d_name, ".") && strcmp(each->d_name, "..")) puts(each->d_name), found = 1;
        if (directory) closedir(directory);
    }
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, "@SOCKET@", sizeof address.sun_path - 1);
    int asking = socket(AF_UNIX, SOCK_SEQPACKET, 0), streaming = socket(AF_UNIX, SOCK_STREAM, 0);
    found |= connect(asking, (void *)&address, sizeof address) == 0 || connect(streaming, (void *)&address, sizeof address) == 0;
    close(asking);
    close(streaming);
    for (int fd = 3; fd < 1024; fd++)
        if (dup2(fd, fd) >= 0) printf("descriptor %d\n", fd), found = 1;
    return found ? 42 : 0;
}
