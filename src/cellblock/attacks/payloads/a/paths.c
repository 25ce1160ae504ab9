#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *ways[] = {"", "/proc/self/root", "/proc/1/root", "/proc/2/root", "/proc/self/cwd/../../../..", "/.."};
static const char *places[] = {"@CANARY_DIR@", "@CANARY_DIR_TWO@", "@CANARY_DIR_THREE@"};

static const char *in(const char *way, const char *place, const char *name) {
    static char path[2][4096];
    static int turn;
    turn = !turn;
    snprintf(path[turn], sizeof path[0], "%s%s/%s", way, place, name);
    return path[turn];
}

int main(void) {
    char told[4096];
    puts("attempt");
    for (unsigned w = 0; w < sizeof ways / sizeof *ways; w++)
        for (unsigned p = 0; p < 3; p++) {
            int fd = open(in(ways[w], places[p], "secret"), O_RDONLY);
            long n = read(fd, told, sizeof told);
            if (n > 0) fwrite(told, 1, n, stdout);
            fd = open(in(ways[w], places[p], "open"), O_WRONLY | O_APPEND);
            if (write(fd, "x", 1) < 0) putchar('.');
            open(in(ways[w], places[p], "written"), O_WRONLY | O_CREAT, 0666);
            mkfifo(in(ways[w], places[p], "fifo"), 0666);
            mknod(in(ways[w], places[p], "device"), S_IFBLK | 0666, 0xfe00);
            symlink("/etc/shadow", in(ways[w], places[p], "link"));
            linkat(AT_FDCWD, "/proc/self/exe", AT_FDCWD, in(ways[w], places[p], "hard"), AT_SYMLINK_FOLLOW);
            unlink(in(ways[w], places[p], "open"));
        }
    return 0;
}
