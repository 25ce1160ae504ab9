#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static char zero[4096], handle[136] = "\200"; /* that many bytes it may have */

/* The one error that it must be refused with; any other is an answer of the kernel's. */
__attribute__((unused)) static long refused(int error, long result) {
    return result == -1 && errno == error ? -1 : 42;
}

int main(void) {
    (void)zero, (void)handle;
    puts("attempt");
    fflush(stdout);
    long result = @CALL@;
    printf("%ld %d\n", result, errno);
    return result == -1 ? 0 : 42;
}
