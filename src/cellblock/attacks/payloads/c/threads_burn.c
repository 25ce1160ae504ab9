#include <pthread.h>
#include <unistd.h>
static void *burn(void *nothing) {
    for (;;) {}
    return nothing;
}
int main(void) {
    pthread_t thread;
    write(1, "attempt\n", 8);
    for (int n = 0; n < 8; n++) pthread_create(&thread, 0, burn, 0);
    burn(0);
}
