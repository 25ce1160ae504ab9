#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static char zero[4096];

int main(void) {
    (void)zero;
    puts("attempt");
    fflush(stdout);
    long result = @CALL@;
    printf("%ld %d\n", result, errno);
    return result == -1 ? 0 : 42;
}
