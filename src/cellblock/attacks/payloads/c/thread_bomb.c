#define _GNU_SOURCE
#include <pthread.h>
#include <unistd.h>
static void *wait(void *x) { pause(); return x; }
int main(void) {
    pthread_t thread;
    write(1, "attempt\n", 8);
    for (;;) pthread_create(&thread, 0, wait, 0);
}
