#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define PROMISED (192L << 20) /* 32 MiB, as much as 1024 sockets may hold, and what others and a moment add */
#define MOST (512L << 20)    /* what is tried */
#define AT_ONCE 64

static const char way[] = "@WAY@";
static char block[1 << 16];
static long held;
static struct sockaddr_in at;
static socklen_t size = sizeof at;

static void over(void) {
    printf("%m\nheld %ld\n", held);
    fflush(stdout);
    if (held > PROMISED) usleep(200000); /* long enough for the host to see it */
    exit(held > PROMISED ? 42 : 0);
}

static void enlarge(int fd) {
    int options[] = {SO_SNDBUF, SO_RCVBUF};
    if (strcmp(way, "enlarged") != 0 && strcmp(way, "acknowledged") != 0) return;
    for (int n = 0; n < 2; n++)
        for (int bytes = 1 << 30; bytes > 4096; bytes /= 2) /* as much as is not refused */
            if (setsockopt(fd, SOL_SOCKET, options[n], &bytes, sizeof bytes) == 0) break;
}

static int tcp(int more) {
    int fd = socket(AF_INET, SOCK_STREAM | more, 0);
    if (fd < 0) over();
    enlarge(fd);
    return fd;
}

static int listening(void) {
    int fd = tcp(0);
    at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    bind(fd, (struct sockaddr *)&at, size);
    listen(fd, 4096);
    getsockname(fd, (struct sockaddr *)&at, &size);
    return fd;
}

/* What was taken from it and nobody has received, the kernel holds. */
static void fill(int fd) {
    fcntl(fd, F_SETFL, O_NONBLOCK);
    for (int refused = 0; refused < 3 && held <= MOST;) {
        long sent = send(fd, block, sizeof block, MSG_NOSIGNAL);
        if (sent > 0) held += sent, refused = 0;
        else refused++, usleep(200);
    }
}

static void in_pairs(void) {
    struct timeval patience = {.tv_sec = 1};
    int listener = listening();
    for (int n = 0; n < 4000 && held <= MOST; n++) {
        int near = tcp(0);
        setsockopt(near, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
        if (connect(near, (struct sockaddr *)&at, size) != 0) return;
        fill(near);
        if (strcmp(way, "unaccepted") == 0) {
            close(near);
            continue;
        }
        int far = accept(listener, 0, 0);
        if (far < 0) return;
        enlarge(far);
        fill(far);
    }
}

static long unacknowledged(const int *some, int count) {
    long waits = 0;
    for (int n = 0, bytes; n < count; n++)
        if (ioctl(some[n], TIOCOUTQ, &bytes) == 0) waits += bytes;
    return waits;
}

/* What waits with connections that nobody accepts is in no group's account; so nothing may wait at the near end. */
static void acknowledged(void) {
    listening();
    while (held <= MOST) {
        int some[AT_ONCE], count = 0;
        long sent = 0, waits, taken;
        for (; count < AT_ONCE; count++) {
            struct pollfd about = {.fd = tcp(SOCK_NONBLOCK), .events = POLLOUT};
            connect(some[count] = about.fd, (struct sockaddr *)&at, size);
            if (poll(&about, 1, 5) == 1) continue;
            close(about.fd); /* more than may wait there */
            break;
        }
        int blocks = count == AT_ONCE ? 2 : 32; /* the more of it where there may be few */
        for (int n = 0; n < blocks * count; n++)
            if ((taken = send(some[n % count], block, sizeof block, MSG_NOSIGNAL)) > 0) sent += taken;
        for (int n = 0; (waits = unacknowledged(some, count)) && n < 50; n++) usleep(2000);
        held += sent - waits;
        for (int n = 0; n < count; n++) close(some[n]);
        if (sent - waits < (long)sizeof block) return; /* the machine has no more */
        if (count < AT_ONCE) listening();
    }
}

int main(void) {
    puts("attempt");
    fflush(stdout);
    if (strcmp(way, "acknowledged") == 0) acknowledged();
    else in_pairs();
    over();
}
