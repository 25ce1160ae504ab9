#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Descriptors in flight count for nobody's table: send each into a socket and close it. */
int main(void) {
    char room[CMSG_SPACE(200 * sizeof(int))] = {0};
    struct iovec byte = {"x", 1};
    struct msghdr message = {.msg_iov = &byte, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    int held = 0;
    puts("attempt");
    fflush(stdout);
    rights->cmsg_level = SOL_SOCKET, rights->cmsg_type = SCM_RIGHTS, rights->cmsg_len = CMSG_LEN(200 * sizeof(int));
    for (int n = 0, fd = 1; n < 200; n++) memcpy(CMSG_DATA(rights) + n * sizeof fd, &fd, sizeof fd);
    for (int pair[2]; socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0;)
        while (sendmsg(pair[0], &message, 0) == 1) held += 200;
    printf("%d %m\n", held);
    return 0;
}
