#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

int main(void) {
    puts("attempt");
    fflush(stdout);
    for (int fd = 0, waiting; fd < 3; fd++) {
        char path[64], beside[256] = "", found[64] = "";
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        /* Beside the file that a stream is, where it is one. */
        readlink(path, beside, 128);
        char *slash = strrchr(beside, '/');
        strcpy(slash ? slash : beside, "/secret");
        if (read(open(beside, O_RDONLY), found, sizeof found - 1) > 0) puts(found);
        fflush(stdout);
        fchmod(fd, 0777);
        fchown(fd, 0, 0);
        ftruncate(fd, 1L << 40);
        chmod(path, 0);
        fcntl(fd, F_SETPIPE_SZ, 1 << 30);
        fcntl(fd, F_SETFL, O_DIRECT | O_NONBLOCK);
        fcntl(fd, F_SETOWN, 1);
        ioctl(fd, FIONREAD, &waiting);
        pwrite(fd, "x", 1, 0);
        open(path, O_RDWR | O_NONBLOCK);
        rename(path, "/box/x");
    }
    return 0;
}
