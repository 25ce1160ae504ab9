#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static void *square(void *n) {
    *(double *)n = pow(*(double *)n, 2);
    return NULL;
}

int main(void) {
    char *line = NULL;
    size_t size = 0;
    double n = M_PI;
    pthread_t thread;
    if (getline(&line, &size, stdin) < 0 || pthread_create(&thread, NULL, square, &n))
        return 1;
    pthread_join(thread, NULL);
    printf("%s%.4f %ld\n", line, n, __STDC_VERSION__);
    free(line);
}
