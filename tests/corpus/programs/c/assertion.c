#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(void) {
    fprintf(stderr, "%s; %s\n", strerror(ENOENT), strerror(EROFS));
    errno = EACCES;
    perror("perror says");
    puts("flushed by hand");
    fflush(stdout);
    printf("lost with the buffer");
    int größe = 41;
    assert(größe == 42 && "the größe must be 42");
}
