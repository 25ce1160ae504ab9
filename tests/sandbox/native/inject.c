/* inject.c: linked into test builds of the helper and of the library that has runtimes wait, it makes one call of one
 * of their processes go wrong.
 *
 * The linker sends every call that is named below through here (--wrap), so the sources are those of the production
 * build, to the letter. Which call is to fail stands in a page beside the helper, shared by the spawner, every init,
 * every program-to-be and every runtime that waits; what was called is written down there. A runtime is executed where
 * that file has no name: it inherits a descriptor. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

enum { SPAWNER, INIT, PROGRAM, RUNTIME, ROLES };
enum { NAME_BYTES = 24, CALLS_KEPT = 4096, CELLS_KEPT = 2 };
enum { FAILS, LIES, WAITS }; /* returns -1 with an errno; says that it was done and does nothing; does it late */
enum { LATE_US = 300000 };

#define PAGE_FD 250 /* out of the way of what the helper and its tests open */

/* As injected.py has it. The calls of a spawner, and of a runtime that is executed, count as those of the first cell. */
struct page {
    uint32_t cell, role, nth, error, mode; /* which call is to go wrong; the first is 1, none is 0 */
    uint32_t hits;
    uint32_t cells;
    uint32_t called[CELLS_KEPT][ROLES];
    char names[CELLS_KEPT][ROLES][CALLS_KEPT][NAME_BYTES];
};

static struct page *page;
static uint32_t role = SPAWNER, cell; /* of this process: each clone3 goes one role further */

static void open_page(void) {
    char path[4096];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - sizeof ".page");
    if (length < 0) abort();
    strcpy(path + length, ".page");
    int fd = openat(AT_FDCWD, path, O_RDWR | O_CLOEXEC);
    if (fd < 0 || dup3(fd, PAGE_FD, O_CLOEXEC) < 0) abort();
    close(fd);
}

/* Before the library's own beginning. */
__attribute__((constructor(101))) static void share_page(void) {
    bool is_inherited = fcntl(PAGE_FD, F_GETFD) >= 0;
    if (!is_inherited) open_page();
    struct page *shared = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, PAGE_FD, 0);
    if (shared == MAP_FAILED) abort();
    if (is_inherited)
        role = RUNTIME;
    else
        memset(shared->called, 0, sizeof shared->called);
    if (is_inherited) close(PAGE_FD);
    page = shared;
}

/* The call itself: no call of the helper's may be counted here. */
int __real_fcntl(int fd, int command, ...);

/* To a runtime that will wait, and to nobody else. */
static const char *hand_page_on(const char *path, char *const envp[]) {
    for (; *envp != NULL; envp++)
        if (strncmp(*envp, "CELLBLOCK_GATE=", strlen("CELLBLOCK_GATE=")) == 0) __real_fcntl(PAGE_FD, F_SETFD, 0);
    return path;
}

static bool goes_wrong(const char *name) {
    if (page == NULL || cell >= CELLS_KEPT) return false;
    uint32_t number = __atomic_add_fetch(&page->called[cell][role], 1, __ATOMIC_SEQ_CST);
    if (number <= CALLS_KEPT) strncpy(page->names[cell][role][number - 1], name, NAME_BYTES - 1);
    if (page->cell != cell || page->role != role || page->nth != number) return false;
    __atomic_add_fetch(&page->hits, 1, __ATOMIC_SEQ_CST);
    if (page->mode == WAITS) {
        usleep(LATE_US);
        return false;
    }
    errno = (int)page->error;
    return true;
}

#define RESULT(bad, good) (page->mode == LIES ? (good) : (bad))

#define WRAP(type, name, parameters, arguments, bad, good)                                                             \
    type __real_##name parameters;                                                                                     \
    type __wrap_##name parameters;                                                                                     \
    type __wrap_##name parameters {                                                                                    \
        if (goes_wrong(#name)) return RESULT(bad, good);                                                               \
        return __real_##name arguments;                                                                                \
    }

/* A lie about what gives a descriptor or bytes would be no lie that the kernel could tell: they fail either way. */
WRAP(int, chdir, (const char *path), (path), -1, 0)
WRAP(int, chmod, (const char *path, mode_t mode), (path, mode), -1, 0)
WRAP(int, close, (int fd), (fd), -1, 0)
WRAP(int, dup, (int fd), (fd), -1, -1)
WRAP(int, dup3, (int from, int to, int flags), (from, to, flags), -1, to)
WRAP(int, execve, (const char *path, char *const argv[], char *const envp[]), (hand_page_on(path, envp), argv, envp), -1, -1)
WRAP(int, fstat, (int fd, struct stat *status), (fd, status), -1, -1)
WRAP(int, fclose, (FILE *stream), (stream), EOF, 0)
WRAP(int, fsconfig, (int fd, unsigned command, const char *key, const void *value, int aux), (fd, command, key, value, aux), -1, 0)
WRAP(int, fsmount, (int fd, unsigned flags, unsigned attributes), (fd, flags, attributes), -1, -1)
WRAP(int, fsopen, (const char *type, unsigned flags), (type, flags), -1, -1)
WRAP(int, fstatat, (int fd, const char *path, struct stat *status, int flags), (fd, path, status, flags), -1, -1)
WRAP(int, getrlimit, (int resource, struct rlimit *limit), (resource, limit), -1, -1)
WRAP(int, getrusage, (int who, struct rusage *used), (who, used), -1, -1)
WRAP(int, getsockopt, (int fd, int level, int name, void *value, socklen_t *size), (fd, level, name, value, size), -1, -1)
WRAP(int, madvise, (void *address, size_t size, int advice), (address, size, advice), -1, 0)
WRAP(int, memfd_create, (const char *name, unsigned flags), (name, flags), -1, -1)
WRAP(int, mincore, (void *address, size_t size, unsigned char *is_present), (address, size, is_present), -1, -1)
WRAP(int, mkdir, (const char *path, mode_t mode), (path, mode), -1, 0)
WRAP(int, mkdirat, (int fd, const char *path, mode_t mode), (fd, path, mode), -1, 0)
WRAP(int, mknod, (const char *path, mode_t mode, dev_t device), (path, mode, device), -1, 0)
WRAP(int, mount, (const char *source, const char *target, const char *type, unsigned long flags, const void *data), (source, target, type, flags, data), -1, 0)
WRAP(int, mount_setattr, (int fd, const char *path, unsigned flags, struct mount_attr *attributes, size_t size), (fd, path, flags, attributes, size), -1, 0)
WRAP(int, move_mount, (int from_fd, const char *from, int to_fd, const char *to, unsigned flags), (from_fd, from, to_fd, to, flags), -1, 0)
WRAP(int, mprotect, (void *address, size_t size, int protection), (address, size, protection), -1, 0)
WRAP(int, munmap, (void *address, size_t size), (address, size), -1, 0)
WRAP(int, open_tree, (int fd, const char *path, unsigned flags), (fd, path, flags), -1, -1)
WRAP(int, poll, (struct pollfd *polled, nfds_t count, int timeout_ms), (polled, count, timeout_ms), -1, -1)
WRAP(int, setgroups, (size_t size, const gid_t *groups), (size, groups), -1, 0)
WRAP(int, sethostname, (const char *name, size_t size), (name, size), -1, 0)
WRAP(int, setresgid, (gid_t real, gid_t effective, gid_t saved), (real, effective, saved), -1, 0)
WRAP(int, setresuid, (uid_t real, uid_t effective, uid_t saved), (real, effective, saved), -1, 0)
WRAP(int, setrlimit, (int resource, const struct rlimit *limit), (resource, limit), -1, 0)
WRAP(int, sigaction, (int number, const struct sigaction *action, struct sigaction *before), (number, action, before), -1, -1)
WRAP(int, signalfd, (int fd, const sigset_t *mask, int flags), (fd, mask, flags), -1, -1)
WRAP(int, sigprocmask, (int how, const sigset_t *mask, sigset_t *before), (how, mask, before), -1, 0)
WRAP(int, socket, (int domain, int type, int protocol), (domain, type, protocol), -1, -1)
WRAP(int, socketpair, (int domain, int type, int protocol, int fds[2]), (domain, type, protocol, fds), -1, -1)
WRAP(int, stat, (const char *path, struct stat *status), (path, status), -1, -1)
WRAP(int, symlink, (const char *target, const char *path), (target, path), -1, 0)
WRAP(int, umount2, (const char *path, int flags), (path, flags), -1, 0)
WRAP(int, unshare, (int flags), (flags), -1, 0)
WRAP(off_t, lseek, (int fd, off_t offset, int from), (fd, offset, from), -1, 0)
WRAP(pid_t, setsid, (void), (), -1, getpid())
WRAP(pid_t, waitpid, (pid_t pid, int *status, int options), (pid, status, options), -1, -1)
WRAP(ssize_t, read, (int fd, void *bytes, size_t size), (fd, bytes, size), -1, -1)
WRAP(ssize_t, readlinkat, (int fd, const char *path, char *into, size_t size), (fd, path, into, size), -1, -1)
WRAP(ssize_t, recv, (int fd, void *bytes, size_t size, int flags), (fd, bytes, size, flags), -1, -1)
WRAP(ssize_t, recvmsg, (int fd, struct msghdr *header, int flags), (fd, header, flags), -1, -1)
WRAP(ssize_t, send, (int fd, const void *bytes, size_t size, int flags), (fd, bytes, size, flags), -1, (ssize_t)size)
WRAP(ssize_t, sendmsg, (int fd, const struct msghdr *header, int flags), (fd, header, flags), -1, -1)
WRAP(ssize_t, splice, (int from, off_t *from_at, int to, off_t *to_at, size_t size, unsigned flags), (from, from_at, to, to_at, size, flags), -1, -1)
WRAP(ssize_t, write, (int fd, const void *bytes, size_t size), (fd, bytes, size), -1, (ssize_t)size)
WRAP(char *, fgets, (char *text, int size, FILE *stream), (text, size, stream), NULL, NULL)
WRAP(void *, calloc, (size_t count, size_t size), (count, size), NULL, NULL)
WRAP(void *, fdopen, (int fd, const char *how), (fd, how), NULL, NULL)
WRAP(void *, malloc, (size_t size), (size), NULL, NULL)
WRAP(void *, mmap, (void *address, size_t size, int protection, int flags, int fd, off_t offset), (address, size, protection, flags, fd, offset), MAP_FAILED, MAP_FAILED)
WRAP(void *, mremap, (void *address, size_t size, size_t new_size, int flags, void *to), (address, size, new_size, flags, to), MAP_FAILED, MAP_FAILED)

/* These take what comes after their second parameter as they please, so all that could be there is passed on;
 * what the caller did not give is read, too, and means nothing. */
#define READS_TOO_FAR __attribute__((no_sanitize("address")))

#define WRAP_VARIADIC(type, name, first_type, second_type, good)                                                       \
    type __real_##name(first_type, second_type, ...);                                                                  \
    type __wrap_##name(first_type, second_type, ...);                                                                  \
    READS_TOO_FAR type __wrap_##name(first_type first, second_type second, ...) {                                                    \
        va_list list;                                                                                                  \
        va_start(list, second);                                                                                        \
        long a = va_arg(list, long), b = va_arg(list, long), c = va_arg(list, long), d = va_arg(list, long);           \
        va_end(list);                                                                                                  \
        if (goes_wrong(#name)) return RESULT(-1, good);                                                                \
        return __real_##name(first, second, a, b, c, d);                                                               \
    }
WRAP_VARIADIC(int, fcntl, int, int, -1)
WRAP_VARIADIC(int, ioctl, int, unsigned long, 0)
WRAP_VARIADIC(int, open, const char *, int, -1)
WRAP_VARIADIC(int, openat, int, const char *, -1)
WRAP_VARIADIC(int, prctl, int, unsigned long, 0)

/* The calls that libc has no name for: a descriptor or a process cannot be made up. */
long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
READS_TOO_FAR long __wrap_syscall(long number, ...) {
    va_list list;
    va_start(list, number);
    long a = va_arg(list, long), b = va_arg(list, long), c = va_arg(list, long), d = va_arg(list, long),
         e = va_arg(list, long), f = va_arg(list, long);
    va_end(list);
    char name[NAME_BYTES];
    snprintf(name, sizeof name, "syscall %ld", number);
    if (goes_wrong(name)) return RESULT(-1, number == SYS_clone3 || number == SYS_openat2 ? -1 : 0);
    if (number == SYS_close_range && (unsigned)a <= PAGE_FD && (unsigned)b >= PAGE_FD) {
        long before = (unsigned)a < PAGE_FD ? __real_syscall(number, a, PAGE_FD - 1, c) : 0;
        return before == 0 && (unsigned)b > PAGE_FD ? __real_syscall(number, PAGE_FD + 1, b, c) : before;
    }
    long result = __real_syscall(number, a, b, c, d, e, f);
    if (number == SYS_clone3 && result == 0) {
        if (role != INIT) cell = __atomic_fetch_add(&page->cells, 1, __ATOMIC_SEQ_CST);
        role = role == INIT ? PROGRAM : INIT;
    }
    return result;
}
