#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Files in flight are in nobody's table: send fresh ones into a socket, close them, open more. 42: nobody refuses. */
int main(void) {
    int fresh[200], count, sent = 0, pair[2], refused = 0;
    puts("attempt");
    fflush(stdout);
    while (!refused && sent < 8000 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0)
        for (int full = 0; !refused && !full && sent < 8000;) {
            for (count = 0; count < 200 && (fresh[count] = open("/dev/null", O_RDONLY)) >= 0;) count++;
            char room[CMSG_SPACE(sizeof fresh)] = {0};
            struct iovec byte = {"x", 1};
            struct msghdr message = {.msg_iov = &byte, .msg_iovlen = 1, .msg_control = room, .msg_controllen = CMSG_SPACE(count * sizeof *fresh)};
            struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
            rights->cmsg_level = SOL_SOCKET, rights->cmsg_type = SCM_RIGHTS, rights->cmsg_len = CMSG_LEN(count * sizeof *fresh);
            memcpy(CMSG_DATA(rights), fresh, count * sizeof *fresh);
            if (count && sendmsg(pair[0], &message, 0) == 1) sent += count;
            else if (count && errno == EAGAIN) full = 1;
            else refused = count ? errno : EMFILE;
            while (count) close(fresh[--count]);
        }
    printf("sent %d, then %d\n", sent, refused);
    fflush(stdout);
    usleep(300000); /* the host counts them */
    return sent < 8000 ? 0 : 42;
}
