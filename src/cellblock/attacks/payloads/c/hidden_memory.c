#define _GNU_SOURCE
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <unistd.h>

static char block[1 << 16];

/* Each goes on until it is refused; what it holds it keeps until the end, and says how much that is. */
static long held, told;

static void hold(long size) {
    held += size;
    if (held - told < 1 << 20) return;
    printf("held %ld\n", told = held);
    fflush(stdout);
    if (held >= 2L << 30) usleep(200000), exit(42); /* nobody refuses: long enough for the host to see it */
}

static void shared(void) {
    for (char *area; (area = mmap(0, 1 << 20, PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) != MAP_FAILED; hold(1 << 20)) memset(area, 1, 1 << 20);
}

static void memfd(void) {
    for (int fd; (fd = memfd_create("x", 0)) >= 0;)
        for (int n = 0; n < 15; n++)
            if (write(fd, block, sizeof block) > 0) hold(sizeof block);
}

static void tmpfs(const char *place) {
    char path[64];
    for (int number = 0, fd, made = 1; made; number++) {
        snprintf(path, sizeof path, "%s/%d", place, number);
        fd = open(path, O_CREAT | O_WRONLY, 0600);
        for (int n = 0; made && n < 15; n++)
            if ((made = write(fd, block, sizeof block) > 0)) hold(sizeof block);
        close(fd);
    }
}

static void sysv(void) {
    for (char *area; (area = shmat(shmget(0, 1 << 20, 0777 | IPC_CREAT), 0, 0)) != (void *)-1; hold(1 << 20)) memset(area, 1, 1 << 20);
}

static void pipes(void) {
    for (int ends[2]; pipe2(ends, O_NONBLOCK) == 0;) {
        fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
        for (long n; (n = write(ends[1], block, sizeof block)) > 0;) hold(n);
    }
}

static void sockets(void) {
    for (int pair[2], size = 1 << 30; socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0;) {
        setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
        for (long n; (n = write(pair[0], block, sizeof block)) > 0;) hold(n);
    }
}

static void messages(void) {
    block[0] = 1;
    for (int queue; (queue = msgget(0, 0777 | IPC_CREAT)) >= 0;)
        while (msgsnd(queue, block, 8000, IPC_NOWAIT) == 0) hold(8000);
}

static void semaphores(void) {
    while (semget(0, 32000, 0777 | IPC_CREAT) >= 0) hold(32000 * 64); /* each on a cache line of its own */
}

static void queues(void) {
    char name[16];
    mqd_t queue;
    for (int number = 0; snprintf(name, sizeof name, "/%d", number++), (queue = mq_open(name, O_CREAT | O_RDWR | O_NONBLOCK, 0666, 0)) >= 0;)
        while (mq_send(queue, block, 8000, 0) == 0) hold(8000);
}

int main(void) {
    puts("attempt");
    fflush(stdout);
    @WAY@;
    printf("%m\nheld %ld\n", held);
    return 0;
}
