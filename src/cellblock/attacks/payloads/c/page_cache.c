#define _GNU_SOURCE
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static long total;
static time_t end;

/* Files of its root are read from disk again, as far as nobody else has them in use: at least a quarter. */
static int again(const char *path, const struct stat *about, int kind, struct FTW *where) {
    static char block[1 << 16];
    (void)about, (void)where;
    if (kind != FTW_F) return 0;
    int fd = open(path, O_RDONLY | O_NOFOLLOW);
    if (fd < 0) return 0;
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    for (long size; (size = read(fd, block, sizeof block)) > 0;) total += size;
    close(fd);
    return total > 600L << 20 || time(NULL) > end;
}

int main(void) {
    puts("attempt");
    fflush(stdout);
    end = time(NULL) + 2;
    if (nftw("/opt", again, 8, FTW_PHYS) <= 0) nftw("/usr", again, 8, FTW_PHYS);
    printf("held %ld\n", total / 4);
    return 0;
}
