#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long fastest_ns(long number) {
    long least = 1L << 40;
    for (int i = 0; i < 10; i++) {
        struct timespec before, after;
        clock_gettime(CLOCK_MONOTONIC, &before);
        syscall(number);
        clock_gettime(CLOCK_MONOTONIC, &after);
        long took = (after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec;
        if (took < least) least = took;
    }
    return least;
}

int main(void) {
    puts("attempt");
    fflush(stdout);
    /* It never fails: that it was made is told by the time that it takes to visit every file system. */
    long nothing = fastest_ns(SYS_getppid), sync = fastest_ns(SYS_sync);
    printf("%ld %ld\n", nothing, sync);
    return sync > 8 * nothing ? 42 : 0;
}
