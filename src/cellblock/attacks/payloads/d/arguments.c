#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define statx(...) syscall(SYS_statx, __VA_ARGS__)

static struct sock_filter all = {BPF_RET, 0, 0, 0x7fff0000};
static struct sock_fprog filter[1] = {{1, &all}};
static int number[64];
static socklen_t length[1] = {8};

__attribute__((unused)) static long seccomp(int operation, int flags, void *argument) {
    return syscall(SYS_seccomp, operation, flags, argument);
}

int main(void) {
    int local = socket(AF_UNIX, SOCK_DGRAM, 0), inet = socket(AF_INET, SOCK_DGRAM, 0), yes = 1;
    setsockopt(inet, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes);
    (void)filter, (void)number, (void)length, (void)local;
    puts("attempt");
    fflush(stdout);
    long result = (long)(@ASKS@);
    printf("%ld %d\n", result, errno);
    return result == -1 && errno == @ERROR@ ? 0 : 42;
}
