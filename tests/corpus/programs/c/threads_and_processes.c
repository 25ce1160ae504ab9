#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
static atomic_long total;
static void *add(void *n) { for (long i = 0; i < 100000; i++) total += (long)n; return n; }
int main(void) {
    pthread_t threads[4];
    for (long n = 0; n < 4; n++) pthread_create(&threads[n], NULL, add, (void *)n);
    for (int n = 0; n < 4; n++) pthread_join(threads[n], NULL);
    printf("%ld\n", (long)total);
    int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), pair[2], status;
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    fflush(stdout);
    if (fork() == 0) { *shared = 42; write(pair[1], "over a socket", 13); _exit(5); }
    wait(&status);
    char text[32] = {0};
    read(pair[0], text, sizeof text - 1);
    printf("%d %d %s\n", *shared, WEXITSTATUS(status), text);
    fflush(stdout);
    if (fork() == 0) raise(SIGSEGV);
    wait(&status);
    printf("%d\n", WTERMSIG(status));
    FILE *pipe = popen("tr a-z A-Z", "w");
    fflush(stdout);
    fputs("through popen\n", pipe);
    printf("%d\n", pclose(pipe));
    fflush(stdout);
    execl("/bin/echo", "echo", "replaced", "by exec", NULL);
    return 1;
}
