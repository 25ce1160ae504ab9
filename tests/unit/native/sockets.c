/* sockets.c: receive_with_fds driven alone. argv: how many descriptors are sent and how many have room. Says what
 * came of it, and how many descriptors more are open than before. The room is an allocation of exactly its
 * size, so that a sanitizer sees a step past it. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cell.h"

enum { SENT_MAX = 64 };

static int open_descriptors(void) {
    int count = 0;
    DIR *directory = opendir("/proc/self/fd");
    if (directory == NULL) abort();
    while (readdir(directory) != NULL) count++;
    closedir(directory);
    return count;
}

static void send_descriptors(int socket_fd, int count) {
    union {
        char bytes[CMSG_SPACE(sizeof(int) * SENT_MAX)];
        struct cmsghdr align;
    } control = {0};
    char message = 'm';
    struct iovec iov = {.iov_base = &message, .iov_len = 1};
    struct msghdr header = {.msg_iov = &iov,
                            .msg_iovlen = 1,
                            .msg_control = control.bytes,
                            .msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count)};
    struct cmsghdr *part = CMSG_FIRSTHDR(&header);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)count);
    for (int i = 0; i < count; i++) memcpy(CMSG_DATA(part) + sizeof(int) * (size_t)i, &socket_fd, sizeof(int));
    if (sendmsg(socket_fd, &header, 0) != 1) abort();
}

int main(int argc, char **argv) {
    if (argc != 3) abort();
    int sent = atoi(argv[1]), room = atoi(argv[2]), pair[2], count = 0;
    if (sent > SENT_MAX || socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) != 0) abort();
    int before = open_descriptors();
    send_descriptors(pair[0], sent);
    int *fds = malloc(sizeof(int) * (size_t)room);
    char message;
    ssize_t received = receive_with_fds(pair[1], &message, 1, fds, room, &count);
    printf("%zd %d %s %d\n", received, count, received < 0 ? strerrorname_np(errno) : "-", open_descriptors() - before);
    free(fds);
    return 0;
}
