#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

int main(void) {
    puts("attempt");
    fflush(stdout);
    for (int fd = 0, waiting; fd < 3; fd++) {
        char path[64], bait[256];
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        snprintf(bait, sizeof bait, "%s/../../../@CANARY_DIR@/open", path);
        fchmod(fd, 0777);
        fchown(fd, 0, 0);
        ftruncate(fd, 1L << 40);
        chmod(path, 0);
        fcntl(fd, F_SETPIPE_SZ, 1 << 30);
        fcntl(fd, F_SETFL, O_DIRECT | O_NONBLOCK);
        fcntl(fd, F_SETOWN, 1);
        ioctl(fd, FIONREAD, &waiting);
        pwrite(fd, "x", 1, 10);
        open(path, O_RDWR | O_NONBLOCK);
        open(bait, O_RDWR);
        rename(path, "/box/x");
    }
    return 0;
}
