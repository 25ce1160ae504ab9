#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char way[] = "@WAY@";
static char block[1 << 16];
static long held;

static int tcp(void) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0) printf("%m\nheld %ld\n", held), exit(0);
    return fd;
}

static void enlarge(int fd) {
    int size = 1 << 30;
    if (strcmp(way, "enlarged") != 0) return;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
}

/* What was taken from it and nobody has received, the kernel holds. */
static void fill(int fd) {
    fcntl(fd, F_SETFL, O_NONBLOCK);
    for (int refused = 0; refused < 3;) {
        long sent = send(fd, block, sizeof block, MSG_NOSIGNAL);
        if (sent > 0) held += sent, refused = 0;
        else refused++, usleep(200);
        if (held > 256 << 20) usleep(200000), exit(42); /* long enough for the host to see it */
    }
}

int main(void) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = 1};
    socklen_t size = sizeof at;
    puts("attempt");
    fflush(stdout);
    int listener = tcp();
    enlarge(listener);
    bind(listener, (struct sockaddr *)&at, size);
    listen(listener, 4096);
    getsockname(listener, (struct sockaddr *)&at, &size);
    for (int n = 0; n < 4000; n++) {
        int near = tcp();
        enlarge(near);
        setsockopt(near, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
        if (connect(near, (struct sockaddr *)&at, size) != 0) break;
        if (strcmp(way, "unaccepted") == 0) {
            fill(near);
            close(near);
            continue;
        }
        int far = accept(listener, 0, 0);
        if (far < 0) break;
        enlarge(far);
        fill(near);
        fill(far);
    }
    printf("%m\nheld %ld\n", held);
    return 0;
}
