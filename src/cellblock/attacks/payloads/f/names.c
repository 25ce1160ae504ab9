#include <netdb.h>
#include <stdio.h>
int main(void) {
    struct addrinfo *found;
    puts("attempt");
    fflush(stdout);
    int error = getaddrinfo("@MARK@.invalid", "80", 0, &found);
    puts(error ? gai_strerror(error) : "found");
    return error != EAI_AGAIN; /* whoever says that there is no such name was asked */
}
