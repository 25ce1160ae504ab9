#include <fcntl.h>
#include <unistd.h>
int main(void) {
    write(1, "attempt\n", 8);
    for (int fd = 0; fd < 64; fd++) close(fd);
    open("/dev/full", O_RDWR);
    for (int n = 0; n < 100000; n++) write(1, "x", 1);
    return 0;
}
