/* sockets.c: one message with descriptors beside it, either way. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cell.h"

ssize_t receive_with_fds(int socket_fd, void *message, size_t size, int fds[], int fds_max, int *fd_count) {
    union {
        char bytes[CMSG_SPACE(sizeof(int) * SPAWN_FDS_MAX)];
        struct cmsghdr align;
    } control;
    struct iovec iov = {.iov_base = message, .iov_len = size};
    struct msghdr header = {.msg_iov = &iov,
                            .msg_iovlen = 1,
                            .msg_control = control.bytes,
                            /* Not CMSG_SPACE: into its padding the kernel would put one descriptor more. */
                            .msg_controllen = CMSG_LEN(sizeof(int) * (size_t)fds_max)};
    ssize_t received;
    do received = recvmsg(socket_fd, &header, MSG_CMSG_CLOEXEC);
    while (received < 0 && errno == EINTR);
    *fd_count = 0;
    if (received < 0) return received;
    for (struct cmsghdr *part = CMSG_FIRSTHDR(&header); part != NULL; part = CMSG_NXTHDR(&header, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
        *fd_count = (int)((part->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        memcpy(fds, CMSG_DATA(part), sizeof(int) * (size_t)*fd_count);
    }
    if (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
        for (int i = 0; i < *fd_count; i++) close(fds[i]);
        *fd_count = 0;
        errno = EMSGSIZE;
        return -1;
    }
    return received;
}

bool send_with_fds(int socket_fd, const void *message, size_t size, const int fds[], int fd_count) {
    union {
        char bytes[CMSG_SPACE(sizeof(int) * READY_FDS_MAX)];
        struct cmsghdr align;
    } control;
    struct iovec iov = {.iov_base = (void *)(uintptr_t)message, .iov_len = size};
    struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1};
    if (fd_count > 0) {
        size_t fds_size = sizeof(int) * (size_t)fd_count;
        memset(&control, 0, sizeof control);
        header.msg_control = control.bytes;
        header.msg_controllen = CMSG_SPACE(fds_size);
        struct cmsghdr *part = CMSG_FIRSTHDR(&header);
        part->cmsg_level = SOL_SOCKET;
        part->cmsg_type = SCM_RIGHTS;
        part->cmsg_len = CMSG_LEN(fds_size);
        memcpy(CMSG_DATA(part), fds, fds_size);
    }
    ssize_t sent;
    do sent = sendmsg(socket_fd, &header, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)size;
}
