/* spawner.c: serve the supervisor, one message at a time. The helper does (main.c), and an interpreter that has
 * become a zygote (warm.c). */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cell.h"

enum filters_fd { FILTERS_FD_PROGRAM, FILTERS_FD_INIT, FILTERS_FDS };

static bool load_filter(int fd, struct sock_fprog *filter, struct failure *failure) {
    struct stat status;
    if (fstat(fd, &status) != 0) return fail(failure, STEP_FILTER_LOAD, NULL);
    size_t count = (size_t)status.st_size / sizeof *filter->filter;
    if (count == 0 || count > BPF_MAXINSNS || (size_t)status.st_size % sizeof *filter->filter != 0)
        return fail_with(failure, STEP_FILTER_LOAD, EPROTO, "length is not that of a filter");
    void *bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED) return fail(failure, STEP_FILTER_LOAD, NULL);
    *filter = (struct sock_fprog){.len = (unsigned short)count, .filter = bytes};
    return true;
}

static bool take_filters(struct spawner *spawner, const int fds[], int fd_count, struct failure *failure) {
    if (fd_count != FILTERS_FDS) return fail_with(failure, STEP_PROTOCOL, EPROTO, "filters' descriptors");
    if (spawner->filters.program.len != 0) return fail_with(failure, STEP_PROTOCOL, EPROTO, "filters a second time");
    return load_filter(fds[FILTERS_FD_PROGRAM], &spawner->filters.program, failure) &&
           load_filter(fds[FILTERS_FD_INIT], &spawner->filters.init, failure);
}

static bool take_template(const struct spawner_message *message, const int fds[], int fd_count,
                          struct failure *failure) {
    if (fd_count != 1) return fail_with(failure, STEP_PROTOCOL, EPROTO, "template's descriptor");
    return enter_template(fds[0], message->clone_flags, failure);
}

/* What is cloned shares nothing with the spawner but what it had, and never returns. */
static pid_t clone_with_pidfd(uint64_t flags, int *pidfd) {
    struct clone_args args = {.flags = CLONE_PIDFD | flags,
                              .pidfd = (uint64_t)(uintptr_t)pidfd,
                              .exit_signal = SIGCHLD};
    return (pid_t)syscall(SYS_clone3, &args, sizeof args);
}

static bool spawn(const struct spawner *spawner, const struct spawner_message *message, const int fds[], int fd_count,
                  pid_t *pid, int *pidfd, struct failure *failure) {
    if (spawner->filters.program.len == 0) return fail_with(failure, STEP_PROTOCOL, EPROTO, "no filters yet");
    *pid = clone_with_pidfd(message->clone_flags, pidfd);
    if (*pid == 0) {
        close(SPAWNER_FD);
        run_init(fds, fd_count, spawner);
    }
    return *pid > 0 || fail(failure, STEP_CLONE_INIT, NULL);
}

static bool start_zygote(const int fds[], int fd_count, pid_t *pid, int *pidfd, struct failure *failure) {
    if (fd_count != ZYGOTE_FDS) return fail_with(failure, STEP_PROTOCOL, EPROTO, "zygote's descriptors");
    *pid = clone_with_pidfd(0, pidfd);
    if (*pid == 0) run_zygote(fds);
    return *pid > 0 || fail(failure, STEP_ZYGOTE, NULL);
}

static bool answer(const struct spawner_message *message, pid_t pid, int pidfd, const struct failure *failure) {
    struct spawner_answer answer = {.op = message->op, .cell_id = message->cell_id, .pid = pid};
    if (failure->failed) {
        answer.error = failure->error != 0 ? failure->error : EIO;
        strncpy(answer.step, step_name(failure->step), sizeof answer.step - 1);
        memcpy(answer.detail, failure->detail, sizeof answer.detail);
    }
    return send_with_fds(SPAWNER_FD, &answer, sizeof answer, &pidfd, pidfd >= 0);
}

/* One message; false when the supervisor is gone or no longer understood. */
static bool serve_one(struct spawner *spawner) {
    struct spawner_message message;
    struct failure failure = {0};
    int fds[SPAWN_FDS_MAX], fd_count = 0, pidfd = -1;
    pid_t pid = 0;

    ssize_t received = receive_with_fds(SPAWNER_FD, &message, sizeof message, fds, SPAWN_FDS_MAX, &fd_count);
    if (received != (ssize_t)sizeof message || message.version != WIRE_VERSION) return false;
    switch (message.op) {
    case OP_FILTERS:
        take_filters(spawner, fds, fd_count, &failure);
        break;
    case OP_TEMPLATE:
        take_template(&message, fds, fd_count, &failure);
        break;
    case OP_SPAWN:
        spawn(spawner, &message, fds, fd_count, &pid, &pidfd, &failure);
        break;
    case OP_ZYGOTE:
        start_zygote(fds, fd_count, &pid, &pidfd, &failure);
        break;
    default:
        fail_with(&failure, STEP_PROTOCOL, EPROTO, "unknown operation");
    }
    for (int i = 0; i < fd_count; i++) close(fds[i]);
    bool answered = answer(&message, pid, pidfd, &failure);
    if (pidfd >= 0) close(pidfd);
    return answered;
}

/* Inits are watched by pidfd, nobody waits for them here. */
void serve(struct spawner *spawner) {
    signal(SIGCHLD, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    while (serve_one(spawner)) continue;
}
