#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
/* The exit code counts what was reached, but for the datagram: of that the host can tell. */
int main(void) {
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(@TCP_PORT@)};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(@TCP6_PORT@), .sin6_addr = in6addr_loopback};
    struct sockaddr_un named = {.sun_family = AF_UNIX, .sun_path = "@UNIX@"};
    struct sockaddr_un hidden = {.sun_family = AF_UNIX, .sun_path = "\0@ABSTRACT@"};
    int reached = 0;
    puts("attempt");
    fflush(stdout);
    four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    reached += connect(socket(AF_INET, SOCK_STREAM, 0), (void *)&four, sizeof four) == 0;
    reached += connect(socket(AF_INET6, SOCK_STREAM, 0), (void *)&six, sizeof six) == 0;
    reached += connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&named, sizeof named) == 0;
    reached += connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&hidden,
                       offsetof(struct sockaddr_un, sun_path) + 1 + strlen("@ABSTRACT@")) == 0;
    four.sin_port = htons(@UDP_PORT@);
    sendto(socket(AF_INET, SOCK_DGRAM, 0), "reached", 7, 0, (void *)&four, sizeof four);
    return reached;
}
