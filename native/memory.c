/* memory.c: what the supervisor says in memfds. Mapped for good: a job's arguments are used until exec. */
#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "cell.h"

static const void *map(int fd, size_t *size, enum step step, struct failure *failure) {
    struct stat status;
    if (fstat(fd, &status) != 0) {
        fail(failure, step, NULL);
        return NULL;
    }
    *size = (size_t)status.st_size;
    const void *bytes = mmap(NULL, *size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes != MAP_FAILED) return bytes;
    fail(failure, step, NULL);
    return NULL;
}

bool read_request(int fd, struct request *request, struct failure *failure) {
    size_t size;
    const void *bytes = map(fd, &size, STEP_REQUEST, failure);
    return bytes != NULL && parse_request(bytes, size, request, failure);
}

bool read_job(int fd, struct job *job, struct failure *failure) {
    size_t size;
    const void *bytes = map(fd, &size, STEP_JOB, failure);
    return bytes != NULL && parse_job(bytes, size, job, failure);
}
