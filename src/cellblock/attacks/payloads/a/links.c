#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* See links.py. */
static int leave(int kind, const char *path, const char *before) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    switch (kind) {
    case 0: return symlink("@SECRET@", path);
    case 1: return link("@SECRET@", path) == 0 ? 0 : link(before, path);
    case 2: return symlink("@CANARY_DIR@/open", path);
    case 3: return symlink("@CANARY_DIR@", path);
    case 4: return mkfifo(path, 0666);
    default:
        strcpy(address.sun_path, path);
        return bind(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof address);
    }
}

static void must(int result, const char *what) {
    if (result != 0) perror(what), exit(1);
}

int main(void) {
    static const char *names[] = {"main.c", "stdout", "stderr", "main", "stdin", "result",
        "output", "out", "core", "compile.log", "code", "box"};
    static const char *places[] = {"/box", "/tmp", "/dev/shm", "/out"};
    puts("attempt");
    fflush(stdout);
    umask(0);
    for (int p = 0; p < 4; p++) {
        char before[64], path[64] = "";
        for (int n = 0; n < 12; n++) {
            strcpy(before, path);
            snprintf(path, sizeof path, "%s/%s", places[p], names[n]);
            unlink(path);
            int left = leave((n + 2 * p) % 6, path, before);
            if (p < 3) must(left, path); /* the last is the compiler's */
        }
    }
    must(mkdir("/box/deep", 0777) || chdir("/box/deep"), "deep");
    for (int n = 0; n < 2000; n++) must(mkdir("d", 0777) || chdir("d"), "deeper");
    must(symlink("@CANARY_DIR@", "bait"), "bait");
    must(chmod("/box", 0), "/box");
    rename("/box", "/box2");
    rmdir("/out");
    symlink("@CANARY_DIR@", "/out");
    return 0;
}
