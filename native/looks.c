/* looks.c: what an interpreter calls when it looks at a file. Each of these goes by warm.c before it does what the C
 * library's of that name does; apart from it, so that its own calls to them are calls like all others. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cell.h"

#define EXPORT __attribute__((visibility("default")))

#define STOPPING(type, name, parameters, arguments)                                                                    \
    EXPORT type name parameters;                                                                                       \
    EXPORT type name parameters {                                                                                      \
        static type(*next) parameters;                                                                                 \
        if (next == NULL) *(void **)&next = dlsym(RTLD_NEXT, #name);                                                   \
        come_by(path);                                                                                                 \
        return next arguments;                                                                                         \
    }

#define LOOKING(type, name, parameters, arguments)                                                                     \
    EXPORT type name parameters;                                                                                       \
    EXPORT type name parameters {                                                                                      \
        static type(*next) parameters;                                                                                 \
        if (next == NULL) *(void **)&next = dlsym(RTLD_NEXT, #name);                                                   \
        path = seen_at(path);                                                                                          \
        come_by(path);                                                                                                 \
        return next arguments;                                                                                         \
    }

/* The mode is there only with O_CREAT and O_TMPFILE; passing on what is not there does no harm. */
#define STOPPING_OPEN(name, parameters, arguments)                                                                     \
    EXPORT int name parameters;                                                                                        \
    EXPORT int name parameters {                                                                                       \
        static int(*next) parameters;                                                                                  \
        if (next == NULL) *(void **)&next = dlsym(RTLD_NEXT, #name);                                                   \
        va_list rest;                                                                                                  \
        va_start(rest, flags);                                                                                         \
        unsigned int creation_mode = va_arg(rest, unsigned int);                                                       \
        va_end(rest);                                                                                                  \
        int early_fd = stand_in(path);                                                                                 \
        if (early_fd >= 0) return early_fd;                                                                            \
        come_by(path);                                                                                                 \
        return next arguments;                                                                                         \
    }

STOPPING(FILE *, fopen, (const char *path, const char *how), (path, how))
STOPPING(FILE *, fopen64, (const char *path, const char *how), (path, how))
STOPPING_OPEN(open, (const char *path, int flags, ...), (path, flags, creation_mode))
STOPPING_OPEN(open64, (const char *path, int flags, ...), (path, flags, creation_mode))
STOPPING_OPEN(openat, (int at, const char *path, int flags, ...), (at, path, flags, creation_mode))
STOPPING_OPEN(openat64, (int at, const char *path, int flags, ...), (at, path, flags, creation_mode))
STOPPING(int, __open_2, (const char *path, int flags), (path, flags))
STOPPING(int, __open64_2, (const char *path, int flags), (path, flags))
STOPPING(int, __openat_2, (int at, const char *path, int flags), (at, path, flags))
STOPPING(int, __openat64_2, (int at, const char *path, int flags), (at, path, flags))
LOOKING(int, stat, (const char *path, struct stat *status), (path, status))
LOOKING(int, stat64, (const char *path, struct stat64 *status), (path, status))
LOOKING(int, lstat, (const char *path, struct stat *status), (path, status))
LOOKING(int, lstat64, (const char *path, struct stat64 *status), (path, status))
LOOKING(int, fstatat, (int at, const char *path, struct stat *status, int flags), (at, path, status, flags))
LOOKING(int, fstatat64, (int at, const char *path, struct stat64 *status, int flags), (at, path, status, flags))
LOOKING(int, statx, (int at, const char *path, int flags, unsigned int mask, struct statx *status),
        (at, path, flags, mask, status))
LOOKING(int, access, (const char *path, int how), (path, how))
LOOKING(int, faccessat, (int at, const char *path, int how, int flags), (at, path, how, flags))
STOPPING(ssize_t, readlink, (const char *path, char *into, size_t size), (path, into, size))
STOPPING(ssize_t, readlinkat, (int at, const char *path, char *into, size_t size), (at, path, into, size))
STOPPING(char *, realpath, (const char *path, char *resolved), (path, resolved))

/* Some runtimes know calls that their C library did not when they were written. */
EXPORT long syscall(long number, ...) {
    static long (*next)(long, ...);
    if (next == NULL) *(void **)&next = dlsym(RTLD_NEXT, "syscall");
    va_list rest;
    long a[6];
    va_start(rest, number);
    for (int i = 0; i < 6; i++) a[i] = va_arg(rest, long);
    va_end(rest);
    if (number == SYS_statx || number == SYS_openat) come_by((const char *)a[1]);
    return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
