#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
/* The exit code counts the packets that were sent. */
static int sent(int kind) {
    static const char echo[] = "\10\0\0\0\0\0\0\0@MARK@";
    struct sockaddr_in to = {.sin_family = AF_INET};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int raw = socket(AF_INET, kind, IPPROTO_ICMP);
    if (raw < 0) perror("socket");
    return raw >= 0 && sendto(raw, echo, sizeof echo - 1, 0, (void *)&to, sizeof to) > 0;
}
int main(void) {
    puts("attempt");
    fflush(stdout);
    return sent(SOCK_RAW) + sent(SOCK_DGRAM);
}
